//! Every template of the corpus, and every recorded output, with the rows that are expected of it. The corpus is the
//! directory of ntc-templates as it stands, and the test data beside it; see [`crate::corpus`] for where it is.

use std::{fs, path::Path};

use netwolf_filter::textfsm::{Cell, Entry, Index, Item, Library, Manner, Table};
use serde_json::{Map, Value};

use crate::{
    corpus::{cases, records},
    data::files,
};

/// Templates that are put together, and are not in the corpus's index. Where one of them is not in the corpus at all,
/// the columns that the others have are compared.
const JOINED: [&[&str]; 3] = [
    &[
        "cisco_asa_show_module.textfsm",
        "cisco_asa_show_module_status.textfsm",
    ],
    &[
        "cisco_ios_show_module.textfsm",
        "cisco_ios_show_module_status.textfsm",
        "cisco_ios_show_module_submodule.textfsm",
    ],
    &["huawei_smartax_display_ont_info_summary_ont.textfsm"],
];

fn index(folder: &Path) -> Index {
    Index::read(&fs::read_to_string(folder.join("index")).unwrap()).unwrap()
}

#[test]
fn every_template_of_the_corpus_is_read() {
    let Some(cases) = cases() else { return };
    let folder = cases.with_file_name("templates");
    let index = index(&folder);
    assert_eq!(index.skipped_lines(), [0; 0]);
    let mut library = Library::new(1, |name: &str| fs::read_to_string(folder.join(name)));
    let names = index.entries().iter().flat_map(Entry::templates);
    for name in names {
        library.template(name).unwrap();
    }
    for (name, path) in files(&folder, "textfsm") {
        let template = library.template(path.file_name().unwrap().to_str().unwrap());
        assert_eq!(template.unwrap().compile(), Ok(()), "{name}");
    }
}

#[test]
fn every_row_of_every_recorded_output_is_equal() {
    let Some(cases) = cases() else { return };
    let folder = cases.with_file_name("templates");
    let index = index(&folder);
    let mut library = Library::new(10, |name: &str| fs::read_to_string(folder.join(name)));
    let mut commands: Vec<_> = fs::read_dir(&cases)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    commands.sort();
    let (mut outputs, mut rows) = (0, 0);
    for command in commands {
        let template = format!("{}.textfsm", command.file_name().unwrap().to_str().unwrap());
        let mut entries = index.entries().iter();
        let entry = entries.find(|entry| entry.templates().next() == Some(&template));
        let joined = JOINED.iter().find(|names| names[0] == template);
        let is_joined = entry.is_none() && joined.is_some();
        let alone = Entry::of_templates(&joined.map_or(template, |names| names.join(":")));
        let entry = entry.unwrap_or(&alone);
        for (case, path) in files(&command, "raw") {
            let output = fs::read_to_string(&path).unwrap();
            let strict = library.run(entry, &output, Manner::Strict).unwrap();
            let mut expected = records(&path.with_extension("yml"));
            if is_joined {
                let columns = columns(&strict.table);
                for record in &mut expected {
                    record.retain(|name, _| columns.contains(name));
                }
            }
            let actual = objects(&strict.table);
            assert_eq!(actual.len(), expected.len(), "{case}");
            for (actual, expected) in actual.iter().zip(&expected) {
                assert_eq!(actual, expected, "{case}");
            }
            let lenient = library.run(entry, &output, Manner::Lenient).unwrap();
            assert_eq!(lenient.table, strict.table, "{case}");
            outputs += 1;
            rows += actual.len();
        }
    }
    println!("{outputs} outputs, {rows} rows");
    assert!(outputs > 0);
}

fn columns(table: &Table<'_>) -> Vec<String> {
    table.header().iter().map(|it| it.to_lowercase()).collect()
}

/// The rows as ntc-templates gives them: names in lower case, and items of lists as Python writes them.
fn objects(table: &Table<'_>) -> Vec<Map<String, Value>> {
    let object = |row: &[Cell<'_>]| {
        let cells = table.header().iter().zip(row);
        cells
            .map(|(name, cell)| (name.to_lowercase(), value(cell)))
            .collect()
    };
    table.rows().map(object).collect()
}

fn value(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Text(text) => (*text).into(),
        Cell::List(items) => items.iter().map(item).collect(),
    }
}

fn item(item: &Item<'_>) -> String {
    let quoted = |text: &str| {
        let quote = if text.contains('\'') { '"' } else { '\'' };
        format!("{quote}{text}{quote}")
    };
    match item {
        Item::Text(text) => (*text).to_owned(),
        Item::None => "None".to_owned(),
        Item::Map(groups) => {
            let groups = groups.iter().map(|(name, text)| {
                let text = text.map_or("None".to_owned(), quoted);
                format!("{}: {text}", quoted(name))
            });
            format!("{{{}}}", groups.collect::<Vec<_>>().join(", "))
        }
    }
}
