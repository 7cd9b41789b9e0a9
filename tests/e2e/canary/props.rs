//! What stands around the devices of the scene: an ssh-agent, programs that know secrets, a receiver that repeats them.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use crate::{
    lab::{self, PATIENCE, Process, eventually},
    openssh,
};

/// An ssh-agent of OpenSSH with one key, whose comment nobody needs to know.
pub(super) fn ssh_agent(folder: &Path, comment: &str) -> Option<(Process, PathBuf, String)> {
    let program = lab::have("ssh-agent", "openssh-client")?;
    let (key, socket) = (folder.join("agent_key"), folder.join("agent.sock"));
    openssh::keygen(&key, "", comment)?;
    let mut command = Command::new(program);
    command
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null());
    let agent = Process::spawn("ssh-agent", command, folder);
    eventually(PATIENCE, "the ssh-agent takes a key", || {
        let added = Command::new("ssh-add")
            .arg(&key)
            .env("SSH_AUTH_SOCK", &socket)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if added.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&added.stderr).into_owned())
        }
    });
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    Some((agent, socket, public))
}

/// A program of `lines` for a shell.
pub(super) fn program(folder: &Path, name: &str, lines: &str) -> PathBuf {
    let (path, draft) = (folder.join(name), folder.join("draft"));
    fs::write(&draft, format!("#!/bin/sh\n{lines}\n")).unwrap();
    // Had this process written it, what another thread starts meanwhile would hold it open: "text file busy".
    let mut install = Command::new("install");
    let installed = install.args(["-m", "700"]).args([&draft, &path]).status();
    assert!(installed.unwrap().success());
    path
}

/// A receiver of remote write that takes nothing, and repeats in its refusal how the sender has proven who it is.
pub(super) fn talkative_receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = BufReader::new(stream.try_clone().unwrap());
            let (mut proof, mut length) = (String::new(), 0);
            let head = request.by_ref().lines().map_while(Result::ok);
            for line in head.take_while(|line| !line.is_empty()) {
                match line.to_lowercase().split_once(": ") {
                    Some(("authorization", _)) => proof = line,
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(_) | None => {}
                }
            }
            // A connection that is closed with something unread in it takes the answer with it.
            drop(io::copy(&mut request.take(length), &mut io::sink()));
            let body = format!("nobody is let in with {proof}");
            let length = body.len();
            // Who does not listen to the end has heard enough.
            drop(write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            ));
        }
    });
    address
}
