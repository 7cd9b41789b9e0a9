//! What a device answers: greeting, key exchange, login, a channel, outputs.

use tokio::net::TcpStream;

use crate::{
    keys::{Greetings, exchange},
    packet::{
        CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_FAILURE, CHANNEL_OPEN, CHANNEL_REQUEST,
        CHANNEL_SUCCESS, DISCONNECT, ECDH_INIT, EXT_INFO, EXTENDED_DATA, GLOBAL_REQUEST,
        INFO_REQUEST, INFO_RESPONSE, KEXINIT, NEWKEYS, OPEN_CONFIRMATION, REQUEST_FAILURE,
        SERVICE_ACCEPT, SERVICE_REQUEST, USERAUTH_BANNER, USERAUTH_FAILURE, USERAUTH_REQUEST,
        USERAUTH_SUCCESS, message, string, text_at,
    },
    trouble::Trouble,
    wire::Wire,
};

const GREETING: &[u8] = b"SSH-2.0-Fake_1\r\n";
const PROMPT: &[u8] = b"\r\nr1#";
const WINDOW: [u8; 4] = (1_u32 << 20).to_be_bytes();
const PACKET: [u8; 4] = (32_u32 << 10).to_be_bytes();

/// How a login that asks for nothing is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Password,
    Questions,
}

pub(crate) struct Device {
    trouble: Trouble,
    door: Door,
    greetings: Greetings,
    /// The client's number for the channel that it opened last, and whether it is still open.
    channel: [u8; 4],
    is_open: bool,
    /// What is typed into the shell.
    line: Vec<u8>,
}

impl Device {
    pub(crate) fn new(mut trouble: Trouble) -> Self {
        let door = trouble.one_of(&[Door::Open, Door::Password, Door::Questions]);
        Self {
            trouble,
            door,
            greetings: Greetings::default(),
            channel: [0; 4],
            is_open: false,
            line: Vec::new(),
        }
    }

    /// Answers until the client leaves or cannot be understood.
    pub(crate) async fn serve(mut self, stream: TcpStream) {
        let mut wire = Wire::new(stream);
        if self.greet(&mut wire).await.is_none() {
            return;
        }
        while let Some(said) = wire.receive().await {
            let Some(answers) = self.answer(&said, &mut wire).await else {
                return;
            };
            for answer in answers {
                if self.send(&mut wire, answer).await.is_none() {
                    return;
                }
            }
        }
    }

    async fn greet(&mut self, wire: &mut Wire) -> Option<()> {
        let greeting = self.trouble.greeting(GREETING);
        wire.write(&greeting).await.ok()?;
        // What the client hashes is the line without its end.
        let end = GREETING.len() - 2;
        self.greetings.server_id = GREETING[..end].to_vec();
        self.greetings.client_id = wire.greeting().await?;
        let kexinit = kexinit();
        self.greetings.server_kexinit.clone_from(&kexinit);
        self.send(wire, kexinit).await
    }

    async fn send(&mut self, wire: &mut Wire, message: Vec<u8>) -> Option<()> {
        for message in self.trouble.messages(message) {
            wire.send(&message, &mut self.trouble).await.ok()?;
        }
        Some(())
    }

    /// The answers to a message; `None` when there is nothing to go on with.
    async fn answer(&mut self, said: &[u8], wire: &mut Wire) -> Option<Vec<Vec<u8>>> {
        Some(match *said.first()? {
            DISCONNECT => return None,
            KEXINIT => {
                self.greetings.client_kexinit = said.to_vec();
                Vec::new()
            }
            ECDH_INIT => {
                let (share, _) = text_at(said, 1)?;
                let (reply, from_client, to_client) = exchange(&self.greetings, share)?;
                self.send(wire, reply).await?;
                self.send(wire, vec![NEWKEYS]).await?;
                wire.to_client = Some(to_client);
                // The client's last plain packet says that it is.
                let _newkeys = wire.receive().await?;
                wire.from_client = Some(from_client);
                Vec::new()
            }
            SERVICE_REQUEST => vec![
                message(
                    EXT_INFO,
                    &[
                        &[0, 0, 0, 1],
                        &string(b"server-sig-algs"),
                        &string(b"ssh-ed25519"),
                    ],
                ),
                message(SERVICE_ACCEPT, &[&said[1..]]),
            ],
            USERAUTH_REQUEST => self.log_in(said)?,
            INFO_RESPONSE => vec![vec![USERAUTH_SUCCESS]],
            GLOBAL_REQUEST => vec![vec![REQUEST_FAILURE]],
            CHANNEL_OPEN => {
                let (_, end) = text_at(said, 1)?;
                self.channel = said.get(end..end + 4)?.try_into().ok()?;
                self.is_open = true;
                vec![message(
                    OPEN_CONFIRMATION,
                    &[&self.channel, &[0; 4], &WINDOW, &PACKET],
                )]
            }
            CHANNEL_REQUEST => self.request(said)?,
            CHANNEL_DATA => self.type_in(text_at(said, 5)?.0),
            CHANNEL_CLOSE if self.is_open => vec![message(CHANNEL_CLOSE, &[&self.channel])],
            _ => Vec::new(),
        })
    }

    fn log_in(&self, said: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (_, end) = text_at(said, 1)?;
        let (_, end) = text_at(said, end)?;
        let (method, _) = text_at(said, end)?;
        let failure = |methods: &[u8]| message(USERAUTH_FAILURE, &[&string(methods), &[0]]);
        Some(match (method, self.door) {
            (b"none", Door::Password) => vec![failure(b"password")],
            (b"none", Door::Questions) => vec![failure(b"keyboard-interactive")],
            (b"keyboard-interactive", _) => {
                let question = [string(b"Password: "), vec![0]].concat();
                let about = string(b"");
                vec![message(
                    INFO_REQUEST,
                    &[&about, &about, &about, &[0, 0, 0, 1], &question],
                )]
            }
            _ => vec![
                message(USERAUTH_BANNER, &[&string(b"Welcome\r\n"), &string(b"")]),
                vec![USERAUTH_SUCCESS],
            ],
        })
    }

    /// A shell that echoes and shows its prompt behind each line.
    fn type_in(&mut self, keys: &[u8]) -> Vec<Vec<u8>> {
        let mut shown = keys.to_vec();
        self.line.extend_from_slice(keys);
        if keys.contains(&b'\n') || keys.contains(&b'\r') {
            if self.line.len() > 2 {
                shown.extend_from_slice(b"\r\nversion 1");
            }
            shown.extend_from_slice(PROMPT);
            self.line.clear();
        }
        vec![self.data(&shown)]
    }

    fn data(&self, bytes: &[u8]) -> Vec<u8> {
        message(CHANNEL_DATA, &[&self.channel, &string(bytes)])
    }

    /// Answers a request on the channel.
    fn request(&mut self, said: &[u8]) -> Option<Vec<Vec<u8>>> {
        let channel = &self.channel;
        let (kind, end) = text_at(said, 5)?;
        let mut answers = Vec::new();
        if *said.get(end)? != 0 {
            let known = matches!(kind, b"pty-req" | b"shell" | b"exec");
            let number = if known {
                CHANNEL_SUCCESS
            } else {
                CHANNEL_FAILURE
            };
            answers.push(message(number, &[channel]));
        }
        match kind {
            b"shell" => answers.push(self.data(&[b"Welcome", PROMPT].concat())),
            b"exec" => {
                answers.extend([
                    self.data(b"version 1\n"),
                    message(
                        EXTENDED_DATA,
                        &[channel, &[0, 0, 0, 1], &string(b"a warning\n")],
                    ),
                    message(
                        CHANNEL_REQUEST,
                        &[channel, &string(b"exit-status"), &[0], &[0; 4]],
                    ),
                    message(CHANNEL_EOF, &[channel]),
                    message(CHANNEL_CLOSE, &[channel]),
                ]);
                self.is_open = false;
            }
            _ => {}
        }
        Some(answers)
    }
}

fn kexinit() -> Vec<u8> {
    let lists = [
        "curve25519-sha256,ext-info-s",
        "ssh-ed25519",
        "aes128-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let lists: Vec<u8> = lists
        .iter()
        .flat_map(|list| string(list.as_bytes()))
        .collect();
    message(KEXINIT, &[&[7; 16], &lists, &[0; 5]])
}
