//! SSH's data types (RFC 4251, section 5), read and written.

use crate::error::Error;

/// No list of names has more: what follows is not looked at.
const MAX_NAMES: usize = 512;
/// Words of a device that end up in a log have no more characters.
const MAX_WORDS: usize = 2048;

/// Reads one message from its front to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Error::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Error> {
        Ok(self.byte()? != 0)
    }

    pub(crate) fn uint32(&mut self) -> Result<u32, Error> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], Error> {
        let n = self.uint32()?;
        self.take(usize::try_from(n).map_err(|_| Error::Malformed)?)
    }

    /// Text for people, whatever the device made of UTF-8.
    pub(crate) fn text(&mut self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(self.string()?).into_owned())
    }

    /// Text that is shown where a device must not write what it likes: one line of a length that can be read.
    pub(crate) fn words(&mut self) -> Result<String, Error> {
        let text = String::from_utf8_lossy(self.string()?);
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        Ok(text.chars().take(MAX_WORDS).map(shown).collect())
    }

    /// A list of names, which are ASCII.
    pub(crate) fn names(&mut self) -> Result<Vec<&'a str>, Error> {
        let text = str::from_utf8(self.string()?).map_err(|_| Error::Malformed)?;
        // No name has what would break the line of a log.
        let is_name = |name: &&str| !name.is_empty() && !name.contains(char::is_control);
        let names = text.split(',').filter(is_name);
        Ok(names.take(MAX_NAMES).collect())
    }

    /// The bytes of a number that is not negative, without zeros before it.
    pub(crate) fn magnitude(&mut self) -> Result<&'a [u8], Error> {
        let bytes = self.string()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        // Set, the first bit says that the number is negative.
        if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(Error::Malformed);
        }
        Ok(&bytes[zeros..])
    }

    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Writes a message at the end of a buffer.
pub(crate) trait Write {
    fn put_byte(&mut self, byte: u8);
    fn put_boolean(&mut self, value: bool);
    fn put_uint32(&mut self, number: u32);
    fn put_string(&mut self, bytes: &[u8]);
    /// Writes the number of these bytes, the most significant first.
    fn put_number(&mut self, magnitude: &[u8]);
}

impl Write for Vec<u8> {
    fn put_byte(&mut self, byte: u8) {
        self.push(byte);
    }

    fn put_boolean(&mut self, value: bool) {
        self.push(u8::from(value));
    }

    fn put_uint32(&mut self, number: u32) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn put_string(&mut self, bytes: &[u8]) {
        self.put_uint32(length(bytes));
        self.extend_from_slice(bytes);
    }

    fn put_number(&mut self, magnitude: &[u8]) {
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        let significant = &magnitude[zeros..];
        let pad = significant.first().is_some_and(|byte| byte & 0x80 != 0);
        self.put_uint32(length(significant) + u32::from(pad));
        if pad {
            self.push(0);
        }
        self.extend_from_slice(significant);
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("no message of ours is near 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(magnitude: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_number(magnitude);
        out
    }

    /// The examples of RFC 4251.
    #[test]
    fn numbers_are_written_as_the_standard_shows() {
        assert_eq!(number(&[]), [0, 0, 0, 0]);
        assert_eq!(
            number(&[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7]),
            [0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7]
        );
        assert_eq!(number(&[0x80]), [0, 0, 0, 2, 0, 0x80]);
        assert_eq!(number(&[0, 0, 5]), [0, 0, 0, 1, 5]);
    }

    #[test]
    fn numbers_are_read_without_their_padding_and_not_below_zero() {
        let read = |bytes: &[u8]| Reader::new(bytes).magnitude().map(<[u8]>::to_vec);
        assert_eq!(read(&number(&[0x80])), Ok(vec![0x80]));
        assert_eq!(read(&[0, 0, 0, 3, 0, 0, 7]), Ok(vec![7]));
        assert_eq!(read(&[0, 0, 0, 1, 0xed]), Err(Error::Malformed));
    }

    #[test]
    fn what_is_cut_short_is_malformed() {
        let mut reader = Reader::new(&[0, 0, 0, 9, b'x']);
        assert_eq!(reader.string(), Err(Error::Malformed));
        assert_eq!(Reader::new(&[1, 2]).uint32(), Err(Error::Malformed));
        assert_eq!(Reader::new(&[]).byte(), Err(Error::Malformed));
    }

    #[test]
    fn words_are_one_line_of_bounded_length() {
        let mut encoded = Vec::new();
        encoded.put_string(b"\x1b[1mno\r\nmore\xff");
        assert_eq!(
            Reader::new(&encoded).words().unwrap(),
            " [1mno  more\u{fffd}"
        );
        let mut long = Vec::new();
        long.put_string(&[b'x'; 10_000]);
        assert_eq!(Reader::new(&long).words().unwrap().len(), MAX_WORDS);
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(
            Reader::new(b"\0\0\0\x08none,zip").names(),
            Ok(vec!["none", "zip"])
        );
        assert_eq!(Reader::new(b"\0\0\0\0").names(), Ok(vec![]));
        assert_eq!(Reader::new(b"\0\0\0\x04a,\n,").names(), Ok(vec!["a"]));
        assert_eq!(
            Reader::new(b"\0\0\0\x01\xff").names(),
            Err(Error::Malformed)
        );
    }
}
