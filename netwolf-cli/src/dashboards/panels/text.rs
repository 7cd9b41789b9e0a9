//! Words of the dashboard's author: the little of Markdown that they need.

use super::Scene;
use crate::dashboards::svg::escape;

pub(super) fn draw(scene: &Scene<'_>) -> String {
    format!("<div class=\"words\">{}</div>", html(&scene.text))
}

/// Headings, lists and paragraphs; in them bold, code and links.
fn html(markdown: &str) -> String {
    let blocks = markdown.split("\n\n").map(str::trim);
    blocks
        .filter(|block| !block.is_empty())
        .map(block)
        .collect()
}

fn block(text: &str) -> String {
    let heading = text.trim_start_matches('#');
    let level = text.len() - heading.len();
    if (1..=6).contains(&level) && heading.starts_with(' ') {
        return format!("<h{level}>{}</h{level}>\n", inline(heading.trim()));
    }
    let is_item = |line: &str| line.starts_with("- ") || line.starts_with("* ");
    if !text.lines().all(is_item) {
        return format!("<p>{}</p>\n", inline(text));
    }
    let items = text
        .lines()
        .map(|line| line.trim_start_matches(['-', '*', ' ']));
    let items = items.map(|item| format!("<li>{}</li>", inline(item)));
    format!("<ul>{}</ul>\n", items.collect::<String>())
}

fn inline(text: &str) -> String {
    let escaped = escape(text);
    let bold = wrapped(&escaped, "**", "strong");
    links(&wrapped(&bold, "`", "code"))
}

/// What stands between two marks, in a tag.
fn wrapped(text: &str, mark: &str, tag: &str) -> String {
    let parts: Vec<&str> = text.split(mark).collect();
    let mut html = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at % 2 == 0 {
            html += part;
        } else if at + 1 < parts.len() {
            html.extend(["<", tag, ">", part, "</", tag, ">"]);
        } else {
            // A mark without its partner is a sign like others.
            html.extend([mark, part]);
        }
    }
    html
}

/// `[words](address)`, where the address is one of the web or of the dashboards.
fn links(text: &str) -> String {
    let pattern = regex::Regex::new(r"\[([^\]]+)\]\(((?:https?://|/)[^)\s]*)\)");
    let pattern = pattern.expect("the pattern is sound");
    pattern
        .replace_all(text, "<a href=\"$2\">$1</a>")
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_read_and_nothing_else() {
        let text = "## Why\n\n- `a` and **b**\n- c\n\nSee [x](https://example.net/?a=1) <b>\n\n[y](javascript:z)";
        let expected = "<h2>Why</h2>\n<ul><li><code>a</code> and <strong>b</strong></li><li>c</li></ul>\n\
                        <p>See <a href=\"https://example.net/?a=1\">x</a> &lt;b&gt;</p>\n<p>[y](javascript:z)</p>\n";
        assert_eq!(html(text), expected);
    }
}
