//! How things are written in SSH packets (RFC 4251, section 5).

pub(crate) const DISCONNECT: u8 = 1;
pub(crate) const SERVICE_REQUEST: u8 = 5;
pub(crate) const SERVICE_ACCEPT: u8 = 6;
pub(crate) const EXT_INFO: u8 = 7;
pub(crate) const KEXINIT: u8 = 20;
pub(crate) const NEWKEYS: u8 = 21;
pub(crate) const ECDH_INIT: u8 = 30;
pub(crate) const USERAUTH_REQUEST: u8 = 50;
pub(crate) const USERAUTH_FAILURE: u8 = 51;
pub(crate) const USERAUTH_SUCCESS: u8 = 52;
pub(crate) const USERAUTH_BANNER: u8 = 53;
pub(crate) const INFO_REQUEST: u8 = 60;
pub(crate) const INFO_RESPONSE: u8 = 61;
pub(crate) const GLOBAL_REQUEST: u8 = 80;
pub(crate) const REQUEST_FAILURE: u8 = 82;
pub(crate) const CHANNEL_OPEN: u8 = 90;
pub(crate) const OPEN_CONFIRMATION: u8 = 91;
pub(crate) const OPEN_FAILURE: u8 = 92;
pub(crate) const WINDOW_ADJUST: u8 = 93;
pub(crate) const CHANNEL_DATA: u8 = 94;
pub(crate) const EXTENDED_DATA: u8 = 95;
pub(crate) const CHANNEL_EOF: u8 = 96;
pub(crate) const CHANNEL_CLOSE: u8 = 97;
pub(crate) const CHANNEL_REQUEST: u8 = 98;
pub(crate) const CHANNEL_SUCCESS: u8 = 99;
pub(crate) const CHANNEL_FAILURE: u8 = 100;

pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("packets are short");
    [&length.to_be_bytes(), bytes].concat()
}

pub(crate) fn mpint(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut number = bytes[zeros..].to_vec();
    if number.first().is_some_and(|byte| byte & 0x80 != 0) {
        number.insert(0, 0);
    }
    string(&number)
}

/// A message: its number, and what it says.
pub(crate) fn message(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[number][..], &parts.concat()].concat()
}

/// What a packet holds behind its length: padding to whole blocks of `block` bytes; `counted` bytes of the length
/// count among them.
pub(crate) fn padded(payload: &[u8], block: usize, counted: usize) -> Vec<u8> {
    let mut padding = block - (payload.len() + 1 + counted) % block;
    if padding < 4 {
        padding += block;
    }
    let mut inner = vec![u8::try_from(padding).expect("padding is short")];
    inner.extend_from_slice(payload);
    inner.resize(inner.len() + padding, 0);
    inner
}

/// The text that a message of the client has at `at`, and where it ends.
pub(crate) fn text_at(payload: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?);
    let end = (at + 4).checked_add(usize::try_from(length).ok()?)?;
    Some((payload.get(at + 4..end)?, end))
}
