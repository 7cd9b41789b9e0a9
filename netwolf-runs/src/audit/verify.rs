//! Reads an audit log and names the first fault in it. Holds no more of it than a line.
//!
//! | What was done | What is found |
//! |---|---|
//! | a record changed, added or put elsewhere | its hash, number or predecessor does not fit: file and line |
//! | records removed | the number behind them: file and line |
//! | a record changed, with a new hash | the record behind it follows another one: file and line |
//! | a file removed | its name |
//! | the end cut off, or all made anew | the chain does not reach, or does not hold, the head that was kept elsewhere |

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{
    chain::{self, Head, Joint, LineFault},
    files::{file_name, numbers},
    record::MAX_LINE,
};

/// Where a line stands: `audit-000001.jsonl:17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's number.
    pub file: u32,
    /// The line in it, from 1.
    pub line: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", file_name(self.file), self.line)
    }
}

/// What an audit log that is whole holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Files read.
    pub files: usize,
    /// Records in them.
    pub records: u64,
    /// The last of them, or what was given as `after` where there is none: what to keep elsewhere.
    pub last: Head,
    /// Records behind the head that was given: written, and not yet told to anybody when the head was read.
    pub ahead: u64,
    /// Bytes of an unfinished line at the end: a crash, or a manager that is just writing it.
    pub torn: u64,
}

/// The first fault of an audit log.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The operating system refused.
    #[error("cannot read \"{}\"", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// There is no file of an audit log.
    #[error("\"{}\" holds no audit log", .0.display())]
    Nothing(PathBuf),
    /// A file is not there, though one behind it is, or the head names it.
    #[error("{} is missing", file_name(*.0))]
    MissingFile(u32),
    /// A line is none of an audit log, or not whole.
    #[error("{0} is not a whole record")]
    NoRecord(Place),
    /// A line is not what its hash was made of.
    #[error("{0} was changed: it does not have the hash that it says")]
    Changed(Place),
    /// A line is whole, and does not follow the one before it.
    #[error("{at}: record {seq} does not follow the record {} that stands before it, which was replaced", .seq - 1)]
    Unchained {
        /// The line.
        at: Place,
        /// Its number.
        seq: u64,
    },
    /// Some records are not there.
    #[error("{at}: record {found} stands where record {expected} should; {} missing", missing(*.expected, *.found))]
    Missing {
        /// The line behind them.
        at: Place,
        /// The number that it should have.
        expected: u64,
        /// The number that it has.
        found: u64,
    },
    /// The records are there, in another order, or twice.
    #[error("{at}: record {found} stands where record {expected} should, out of order")]
    Order {
        /// The line.
        at: Place,
        /// The number that it should have.
        expected: u64,
        /// The number that it has.
        found: u64,
    },
    /// The chain ends before its head.
    #[error("the log ends with record {last} at {at}, and its head is record {head}; {} missing at the end", missing(*.last + 1, *.head + 1))]
    Truncated {
        /// The last line, or line 0 of the file where there is none.
        at: Place,
        /// Its number.
        last: u64,
        /// The number of the head.
        head: u64,
    },
    /// The chain has another record than the head says.
    #[error(
        "{at}: record {seq} is another one than was written: it does not have the hash that the head says"
    )]
    Replaced {
        /// The line.
        at: Place,
        /// Its number.
        seq: u64,
    },
}

impl VerifyError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Read(..) => "run it as the user that the manager runs as",
            Self::Nothing(_) => "name the folder `runs/audit` in the manager's storage folder",
            Self::MissingFile(_) | Self::Missing { .. } => {
                "files that were archived must stand beside the others, or be passed over by the head that they end with"
            }
            _ => {
                "compare with a copy of the file, as a backup or a log collector has one; all before that line is as it was written"
            }
        }
    }
}

fn missing(from: u64, to: u64) -> String {
    match to.saturating_sub(from) {
        1 => "1 record is".into(),
        n => format!("{n} records are"),
    }
}

/// Reads the whole audit log in `folder`. May take seconds for each gigabyte.
///
/// With `after`, the log is what follows that record, which ends a file: files up to that one are passed over, and may
/// be elsewhere. With `head`, as the journal or somebody elsewhere keeps it, an end that was cut off is found, too.
///
/// # Errors
/// [`VerifyError`], the first in the order of the records.
pub fn verify(
    folder: &Path,
    after: Option<&Head>,
    head: Option<&Head>,
) -> Result<Report, VerifyError> {
    let read_error = |error| VerifyError::Read(folder.to_owned(), error);
    let first = after.map_or(1, |after| after.file + 1);
    let mut found = numbers(folder).map_err(read_error)?;
    if found.is_empty() {
        return Err(VerifyError::Nothing(folder.to_owned()));
    }
    found.retain(|number| *number >= first);
    let start = after.copied().unwrap_or(Head::START);
    let mut walk = Walk::new(Some(start), head.copied());
    let mut torn = 0;
    let last_file = found.last().copied();
    for (number, expected) in found.iter().copied().zip(first..) {
        if number != expected {
            return Err(VerifyError::MissingFile(expected));
        }
        let end = walk.file(folder, number)?;
        match end.fault {
            // What was written last may not be whole; what was written before it always is.
            Some(VerifyError::NoRecord(_)) if end.is_torn && last_file == Some(number) => {
                torn = end.bytes - end.whole;
            }
            Some(VerifyError::Missing {
                at,
                expected,
                found: seq,
            }) if is_later(folder, &found, expected) => {
                return Err(VerifyError::Order {
                    at,
                    expected,
                    found: seq,
                });
            }
            Some(fault) => return Err(fault),
            None => {}
        }
    }
    if let Some(head) = head
        && head.file >= first
        && last_file.is_none_or(|last| last < head.file)
    {
        return Err(VerifyError::MissingFile(
            last_file.map_or(first, |last| last + 1),
        ));
    }
    walk.reached()?;
    let last = walk.last.unwrap_or(start);
    Ok(Report {
        files: found.len(),
        records: last.seq - start.seq,
        last,
        ahead: head.map_or(0, |head| last.seq.saturating_sub(head.seq)),
        torn,
    })
}

/// Whether a whole record with this number stands anywhere in the files: then it is not missing.
fn is_later(folder: &Path, files: &[u32], seq: u64) -> bool {
    files.iter().any(|number| {
        let mut found = false;
        let read = lines(folder, *number, |line| {
            found = chain::read(line.text).is_ok_and(|joint| joint.seq == seq);
            !found
        });
        read.is_ok() && found
    })
}

/// The way along a chain.
pub(super) struct Walk {
    /// The record that was read last; none where the first is taken as it comes.
    pub(super) last: Option<Head>,
    /// Where it stands.
    at: Place,
    /// What the chain must hold.
    head: Option<Head>,
}

/// Where the reading of a file ended.
pub(super) struct End {
    /// Bytes that were read of it.
    pub(super) bytes: u64,
    /// Bytes up to the first fault.
    pub(super) whole: u64,
    /// It.
    pub(super) fault: Option<VerifyError>,
    /// It is a line without an end.
    pub(super) is_torn: bool,
}

impl Walk {
    pub(super) fn new(last: Option<Head>, head: Option<Head>) -> Self {
        let at = Place {
            file: last.map_or(1, |last| last.file),
            line: 0,
        };
        Self { last, at, head }
    }

    /// Reads a file up to its end or its first fault.
    ///
    /// # Errors
    /// [`VerifyError::Read`] only; a fault of the chain is in what is returned.
    pub(super) fn file(&mut self, folder: &Path, number: u32) -> Result<End, VerifyError> {
        self.file_with(folder, number, |_, _| {})
    }

    /// The same, and shows each line that follows.
    pub(super) fn file_with(
        &mut self,
        folder: &Path,
        number: u32,
        mut show: impl FnMut(&Joint, &[u8]),
    ) -> Result<End, VerifyError> {
        let mut end = End {
            bytes: 0,
            whole: 0,
            fault: None,
            is_torn: false,
        };
        end.bytes = lines(folder, number, |line| {
            let at = Place {
                file: number,
                line: line.number,
            };
            match self.line(at, &line) {
                Ok(joint) => {
                    end.whole = line.end;
                    show(&joint, line.text);
                    true
                }
                Err(fault) => {
                    end.fault = Some(fault);
                    end.is_torn = line.is_torn;
                    false
                }
            }
        })
        .map_err(|error| VerifyError::Read(folder.join(file_name(number)), error))?;
        Ok(end)
    }

    fn line(&mut self, at: Place, line: &Line<'_>) -> Result<Joint, VerifyError> {
        if !line.is_whole {
            return Err(VerifyError::NoRecord(at));
        }
        let joint = chain::read(line.text).map_err(|fault| match fault {
            LineFault::NoRecord => VerifyError::NoRecord(at),
            LineFault::Changed => VerifyError::Changed(at),
        })?;
        if let Some(last) = self.last {
            let (expected, found) = (last.seq + 1, joint.seq);
            if found > expected {
                return Err(VerifyError::Missing {
                    at,
                    expected,
                    found,
                });
            }
            if found < expected {
                return Err(VerifyError::Order {
                    at,
                    expected,
                    found,
                });
            }
            if joint.prev != last.hash {
                return Err(VerifyError::Unchained { at, seq: found });
            }
        }
        if let Some(head) = self.head
            && head.seq == joint.seq
            && head.hash != joint.hash
        {
            return Err(VerifyError::Replaced { at, seq: joint.seq });
        }
        self.at = at;
        self.last = Some(Head {
            seq: joint.seq,
            hash: joint.hash,
            file: at.file,
        });
        Ok(joint)
    }

    /// Whether the head has been passed.
    pub(super) fn reached(&self) -> Result<(), VerifyError> {
        let last = self.last.map_or(0, |last| last.seq);
        match self.head {
            Some(head) if head.seq > last => Err(VerifyError::Truncated {
                at: self.at,
                last,
                head: head.seq,
            }),
            _ => Ok(()),
        }
    }
}

/// A line as it stands in a file.
struct Line<'a> {
    /// From 1.
    number: u64,
    /// Without its newline.
    text: &'a [u8],
    /// It ends in a newline, and is not too long.
    is_whole: bool,
    /// The file ends before it does.
    is_torn: bool,
    /// Where the next one begins.
    end: u64,
}

/// Shows the lines of a file until it is told to stop, and returns how many bytes the file has.
fn lines(folder: &Path, number: u32, mut show: impl FnMut(Line<'_>) -> bool) -> io::Result<u64> {
    let file = File::open(folder.join(file_name(number)))?;
    let bytes = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let (mut text, mut end) = (Vec::new(), 0);
    for number in 1.. {
        text.clear();
        let read = (&mut reader)
            .take(MAX_LINE as u64)
            .read_until(b'\n', &mut text)?;
        if read == 0 {
            break;
        }
        end += read as u64;
        let is_whole = text.pop_if(|last| *last == b'\n').is_some();
        let line = Line {
            number,
            text: &text,
            is_whole,
            is_torn: !is_whole && read < MAX_LINE,
            end,
        };
        if !show(line) {
            break;
        }
    }
    // What is written meanwhile counts.
    Ok(bytes.max(end))
}
