//! A client made of russh, for tests in one process: logs in, types, reads up to a text.

use std::sync::Arc;
use std::time::Duration;

use netwolf_simulator::{DeviceHandle, Fleet, FleetConfig};
use russh::client::{self, AuthResult, KeyboardInteractiveAuthResponse};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect};
use tokio::time::timeout;

use crate::PATIENCE;

pub(crate) const USER: &str = "netwolf";
pub(crate) const PASSWORD: &str = "a simulated secret";
pub(crate) const ENABLE: &str = "a deeper secret";

/// A fleet as most tests want it.
pub(crate) async fn fleet(devices: usize) -> Fleet {
    Fleet::start(config(devices))
        .await
        .expect("ports of the system's choice can be had")
}

/// What [`fleet`] starts.
pub(crate) fn config(devices: usize) -> FleetConfig {
    let mut config = FleetConfig::new(devices, USER, PASSWORD);
    config.enable_secret = Some(ENABLE.into());
    config
}

/// A key pair; the same for the same number.
pub(crate) fn key(number: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[number; 32]))
}

/// Accepts just the host key it was told.
pub(crate) struct Verifier {
    fingerprint: String,
    banner: Arc<std::sync::Mutex<String>>,
}

impl client::Handler for Verifier {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Ok(false);
        };
        Ok(key.fingerprint(HashAlg::Sha256).to_string() == self.fingerprint)
    }

    async fn auth_banner(
        &mut self,
        banner: &str,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.banner
            .lock()
            .expect("no holder panics")
            .push_str(banner);
        Ok(())
    }
}

/// A connection before or after login.
pub(crate) struct Connection {
    pub(crate) handle: client::Handle<Verifier>,
    banner: Arc<std::sync::Mutex<String>>,
}

impl Connection {
    pub(crate) async fn open(device: &DeviceHandle) -> Result<Self, russh::Error> {
        let config = client::Config {
            nodelay: true,
            ..client::Config::default()
        };
        Self::open_with(device, device.host_key(), config).await
    }

    /// As `open`, with settings and a host key of one's own.
    pub(crate) async fn open_with(
        device: &DeviceHandle,
        host_key: &str,
        config: client::Config,
    ) -> Result<Self, russh::Error> {
        let banner = Arc::default();
        let verifier = Verifier {
            fingerprint: host_key.to_owned(),
            banner: Arc::clone(&banner),
        };
        let connect = client::connect(Arc::new(config), device.address(), verifier);
        let handle = timeout(PATIENCE, connect)
            .await
            .expect("a connection in time")?;
        Ok(Self { handle, banner })
    }

    pub(crate) fn banner(&self) -> String {
        self.banner.lock().expect("no holder panics").clone()
    }

    pub(crate) async fn by_password(&mut self, password: &str) -> AuthResult {
        self.handle
            .authenticate_password(USER, password)
            .await
            .expect("an answer")
    }

    pub(crate) async fn by_key(&mut self, key: PrivateKey) -> AuthResult {
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        self.handle
            .authenticate_publickey(USER, key)
            .await
            .expect("an answer")
    }

    /// Answers the one question asked; gives the question and the outcome.
    pub(crate) async fn by_questions(
        &mut self,
        answer: &str,
    ) -> (String, KeyboardInteractiveAuthResponse) {
        let first = self
            .handle
            .authenticate_keyboard_interactive_start(USER, None)
            .await
            .expect("an answer");
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = first else {
            panic!("a question was expected, not {first:?}");
        };
        let [prompt] = prompts.as_slice() else {
            panic!("one question was expected: {prompts:?}")
        };
        assert!(!prompt.echo, "a password must not be echoed");
        let outcome = self
            .handle
            .authenticate_keyboard_interactive_respond(vec![answer.to_owned()])
            .await
            .expect("an answer");
        (prompt.prompt.clone(), outcome)
    }

    pub(crate) async fn shell(&self) -> Shell {
        let channel = self.handle.channel_open_session().await.expect("a channel");
        channel
            .request_pty(true, "vt100", 200, 24, 0, 0, &[])
            .await
            .expect("a terminal");
        channel.request_shell(true).await.expect("a shell");
        Shell {
            channel,
            text: String::new(),
        }
    }

    /// Runs one command without a shell; gives its output and exit status.
    pub(crate) async fn exec(&self, command: &str) -> (String, Option<u32>) {
        let channel = self.handle.channel_open_session().await.expect("a channel");
        channel.exec(true, command).await.expect("an exec request");
        let mut shell = Shell {
            channel,
            text: String::new(),
        };
        let status = shell.end().await;
        (shell.text, status)
    }

    pub(crate) async fn close(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        goodbye.await.expect("the connection was still there");
    }
}

/// A shell at a device.
pub(crate) struct Shell {
    channel: Channel<client::Msg>,
    text: String,
}

impl Shell {
    /// Logs in by password and waits for the first prompt.
    pub(crate) async fn log_in(device: &DeviceHandle) -> (Connection, Self) {
        let mut connection = Connection::open(device).await.expect("a connection");
        assert!(connection.by_password(PASSWORD).await.success());
        let mut shell = connection.shell().await;
        shell.until(&format!("\r\n{}>", device.name())).await;
        (connection, shell)
    }

    pub(crate) async fn type_text(&self, text: &str) {
        self.channel
            .data(text.as_bytes())
            .await
            .expect("the channel is open");
    }

    /// Reads until what was read ends with `ending`; gives all of it.
    pub(crate) async fn until(&mut self, ending: &str) -> String {
        while !self.text.ends_with(ending) {
            let more = self.packet().await;
            assert!(
                more.is_some(),
                "the end came before {ending:?}: {:?}",
                self.text
            );
            self.text.push_str(&more.unwrap_or_default());
        }
        std::mem::take(&mut self.text)
    }

    /// Reads until what was read holds `text`; gives all up to its end, and keeps the rest.
    pub(crate) async fn until_holds(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.text.find(text) {
                let rest = self.text.split_off(at + text.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let more = self.packet().await;
            assert!(
                more.is_some(),
                "the end came before {text:?}: {:?}",
                self.text
            );
            self.text.push_str(&more.unwrap_or_default());
        }
    }

    /// The next packet of output; none at the end.
    pub(crate) async fn packet(&mut self) -> Option<String> {
        let read = async {
            loop {
                match self.channel.wait().await {
                    Some(ChannelMsg::Data { data }) => {
                        return Some(String::from_utf8_lossy(&data).into_owned());
                    }
                    Some(ChannelMsg::Close) | None => return None,
                    Some(_) => {}
                }
            }
        };
        let patience = timeout(PATIENCE, read).await;
        patience.unwrap_or_else(|_| panic!("nothing comes any more after {:?}", self.text))
    }

    /// Whether nothing at all comes for `time`.
    pub(crate) async fn is_silent(&mut self, time: Duration) -> bool {
        timeout(time, self.channel.wait()).await.is_err()
    }

    /// Runs one command; gives what stands between its echo and the next prompt.
    pub(crate) async fn command(&mut self, command: &str, prompt: &str) -> String {
        self.type_text(&format!("{command}\r")).await;
        let text = self.until(&format!("\r\n{prompt}")).await;
        let text = text.strip_prefix(command).expect("the echo comes first");
        text.strip_suffix(prompt)
            .expect("the prompt comes last")
            .trim_start()
            .to_owned()
    }

    /// Reads to the end, keeps the text, and gives the exit status.
    pub(crate) async fn end(&mut self) -> Option<u32> {
        let read = async {
            let mut status = None;
            loop {
                match self.channel.wait().await {
                    Some(ChannelMsg::Data { data }) => {
                        self.text.push_str(&String::from_utf8_lossy(&data));
                    }
                    Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
                    Some(ChannelMsg::Close) | None => return status,
                    Some(_) => {}
                }
            }
        };
        timeout(PATIENCE, read).await.expect("the end in time")
    }
}
