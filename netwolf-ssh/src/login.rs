//! Logging in (RFC 4252, RFC 4256): one attempt at a time, each with one [`Reply`] that is asked for by
//! [`Connection::poll_login`].

use zeroize::Zeroizing;

use crate::{
    codec::{Reader, Write},
    connection::Connection,
    error::Error,
    numbers::{
        EXT_INFO, SERVICE_ACCEPT, SERVICE_REQUEST, USERAUTH_BANNER, USERAUTH_FAILURE,
        USERAUTH_INFO_RESPONSE, USERAUTH_OF_METHOD, USERAUTH_REQUEST, USERAUTH_SUCCESS,
    },
};

const SERVICE: &[u8] = b"ssh-userauth";
const NEXT_SERVICE: &[u8] = b"ssh-connection";
/// The lengths of packets with secrets are rounded to this.
const ROUNDED: usize = 64;
/// No device asks more at once.
const MAX_QUESTIONS: u32 = 64;

/// What the device says to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Who tried is logged in.
    Accepted,
    /// It was not enough.
    Refused {
        /// What may be tried next.
        methods: Vec<String>,
        /// The attempt was right, and another one must follow.
        partial: bool,
    },
    /// A key that was offered would do, once it has signed.
    KeyWanted,
    /// Questions, each with whether its answer may be shown.
    Questions {
        /// What stands above them.
        instructions: String,
        /// Text, and whether the answer may be shown.
        prompts: Vec<(String, bool)>,
    },
    /// The password was right and must be changed; in these words.
    PasswordChange(String),
}

/// What a device says of signatures that it takes of keys of RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RsaSignatures {
    /// With SHA-1, which is not safe any more.
    pub sha1: bool,
    /// With SHA-256.
    pub sha256: bool,
    /// With SHA-512.
    pub sha512: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    None,
    Password,
    Key,
    Questions,
}

/// Not to be shown: an attempt may hold a password.
#[derive(Default)]
enum State {
    #[default]
    Before,
    /// The service is asked for; this comes next.
    Asking(Zeroizing<Vec<u8>>, Method),
    /// An attempt is under way. While there are questions it still is: some devices ask none, and go on at once.
    Trying(Method),
    /// It was answered, and the next one is to be begun.
    Answered,
    Done,
}

#[derive(Default)]
pub(crate) struct Login {
    state: State,
    reply: Option<Reply>,
    rsa: Option<RsaSignatures>,
}

impl Login {
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

impl Connection {
    /// The reply to the attempt, once it is there.
    pub fn poll_login(&mut self) -> Option<Reply> {
        self.login.reply.take()
    }

    /// What the device says of keys of RSA; nothing where it has not said.
    pub const fn rsa_signatures(&self) -> Option<RsaSignatures> {
        self.login.rsa
    }

    /// Asks what may be tried, or logs in where nothing is asked for.
    ///
    /// # Errors
    /// The cryptography failed.
    pub fn try_none(&mut self, user: &str) -> Result<(), Error> {
        self.attempt(request(user, "none", 0), Method::None)
    }

    /// Tries a password.
    ///
    /// # Errors
    /// As above.
    pub fn try_password(&mut self, user: &str, password: &str) -> Result<(), Error> {
        let mut payload = request(user, "password", password.len());
        payload.put_boolean(false);
        payload.put_string(password.as_bytes());
        self.attempt(payload, Method::Password)
    }

    /// Asks whether a key would do: `key` as it goes over the wire, `algorithm` as it would sign.
    ///
    /// # Errors
    /// As above.
    pub fn offer_key(&mut self, user: &str, algorithm: &str, key: &[u8]) -> Result<(), Error> {
        let mut payload = request(user, "publickey", algorithm.len() + key.len());
        payload.put_boolean(false);
        payload.put_string(algorithm.as_bytes());
        payload.put_string(key);
        self.attempt(payload, Method::Key)
    }

    /// What the key has to sign.
    pub fn to_sign(&self, user: &str, algorithm: &str, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_string(self.session());
        out.extend_from_slice(&request(user, "publickey", 0));
        out.put_boolean(true);
        out.put_string(algorithm.as_bytes());
        out.put_string(key);
        out
    }

    /// Tries the key: `signed` is [`Self::to_sign`] with the signature behind it, as a string of SSH.
    ///
    /// # Errors
    /// As above, or it is not of this session.
    pub fn try_signed(&mut self, signed: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(signed);
        if reader.string()? != self.session() {
            return Err(Error::Malformed);
        }
        self.attempt(reader.rest().to_vec().into(), Method::Key)
    }

    /// Asks the device for its questions.
    ///
    /// # Errors
    /// As above.
    pub fn try_questions(&mut self, user: &str) -> Result<(), Error> {
        let mut payload = request(user, "keyboard-interactive", 0);
        payload.put_string(b"");
        payload.put_string(b"");
        self.attempt(payload, Method::Questions)
    }

    /// Answers them, in their order.
    ///
    /// # Errors
    /// As above.
    pub fn answer(&mut self, answers: &[impl AsRef<str>]) -> Result<(), Error> {
        let room: usize = answers.iter().map(|answer| 4 + answer.as_ref().len()).sum();
        let mut payload = Zeroizing::new(Vec::with_capacity(8 + room));
        payload.put_byte(USERAUTH_INFO_RESPONSE);
        payload.put_uint32(u32::try_from(answers.len()).map_err(|_| Error::Malformed)?);
        for answer in answers {
            payload.put_string(answer.as_ref().as_bytes());
        }
        self.attempt(payload, Method::Questions)
    }

    fn attempt(&mut self, payload: Zeroizing<Vec<u8>>, method: Method) -> Result<(), Error> {
        self.live()?;
        self.login.reply = None;
        match self.login.state {
            State::Before => {
                let mut service = vec![SERVICE_REQUEST];
                service.put_string(SERVICE);
                self.put(&service)?;
                self.login.state = State::Asking(payload, method);
                Ok(())
            }
            State::Asking(..) => {
                self.login.state = State::Asking(payload, method);
                Ok(())
            }
            State::Trying(_) | State::Answered => {
                self.login.state = State::Trying(method);
                self.put_rounded(&payload, ROUNDED)
            }
            State::Done => Err(Error::OutOfTurn(USERAUTH_REQUEST)),
        }
    }

    pub(crate) fn handle_login(&mut self, payload: &[u8]) -> Result<(), Error> {
        let number = payload[0];
        let mut reader = Reader::new(&payload[1..]);
        let state = std::mem::take(&mut self.login.state);
        let method = match (number, state) {
            (EXT_INFO, state) => {
                self.login.state = state;
                return self.handle_extensions(reader);
            }
            (SERVICE_ACCEPT, State::Asking(payload, method)) => {
                // Some old servers leave out the name, and OpenSSH lets them.
                if !reader.rest().is_empty() && reader.string()? != SERVICE {
                    return Err(Error::NoLogin);
                }
                self.login.state = State::Trying(method);
                return self.put_rounded(&payload, ROUNDED);
            }
            // A refusal that answers nothing would, taken for an answer, be one to the next attempt. Old servers send
            // such behind a success, too, which OpenSSH passes over.
            (USERAUTH_BANNER, state)
            | (USERAUTH_FAILURE, state @ (State::Answered | State::Done))
            | (USERAUTH_SUCCESS, state @ State::Done) => {
                self.login.state = state;
                return Ok(());
            }
            (_, State::Trying(method)) => method,
            // A success most of all: nobody is logged in who has not tried.
            _ => return Err(Error::OutOfTurn(number)),
        };
        self.login.state = State::Answered;
        self.login.reply = Some(match (number, method) {
            (USERAUTH_SUCCESS, _) => {
                self.login.state = State::Done;
                Reply::Accepted
            }
            (USERAUTH_FAILURE, _) => Reply::Refused {
                methods: reader.names()?.into_iter().map(str::to_owned).collect(),
                partial: reader.boolean()?,
            },
            (USERAUTH_OF_METHOD, Method::Key) => Reply::KeyWanted,
            (USERAUTH_OF_METHOD, Method::Password) => Reply::PasswordChange(reader.text()?),
            (USERAUTH_OF_METHOD, Method::Questions) => {
                self.login.state = State::Trying(method);
                questions(reader)?
            }
            _ => return Err(Error::OutOfTurn(number)),
        });
        Ok(())
    }

    /// What the device tells of itself (RFC 8308).
    fn handle_extensions(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        for _ in 0..reader.uint32()? {
            let name = reader.string()?;
            let value = reader.string()?;
            if name == b"server-sig-algs" {
                let takes =
                    |wanted: &[u8]| value.split(|byte| *byte == b',').any(|name| name == wanted);
                self.login.rsa = Some(RsaSignatures {
                    sha1: takes(b"ssh-rsa"),
                    sha256: takes(b"rsa-sha2-256"),
                    sha512: takes(b"rsa-sha2-512"),
                });
            }
        }
        Ok(())
    }
}

/// The beginning of an attempt, with room for what the method adds, so that a password is not left behind where the
/// buffer had to grow.
fn request(user: &str, method: &str, room: usize) -> Zeroizing<Vec<u8>> {
    let mut payload = Zeroizing::new(Vec::with_capacity(128 + user.len() + room));
    payload.put_byte(USERAUTH_REQUEST);
    payload.put_string(user.as_bytes());
    payload.put_string(NEXT_SERVICE);
    payload.put_string(method.as_bytes());
    payload
}

fn questions(mut reader: Reader<'_>) -> Result<Reply, Error> {
    let _name = reader.string()?;
    let instructions = reader.text()?;
    let _language = reader.string()?;
    let n = reader.uint32()?;
    if n > MAX_QUESTIONS {
        return Err(Error::Malformed);
    }
    let mut prompts = Vec::new();
    for _ in 0..n {
        prompts.push((reader.text()?, reader.boolean()?));
    }
    Ok(Reply::Questions {
        instructions,
        prompts,
    })
}
