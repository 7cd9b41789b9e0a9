//! `netwolf token`: makes a token of the API, and the line of the configuration that lets it in.

use std::process::ExitCode;

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64ct::{Base64UrlUnpadded, Encoding};
use netwolf_manager::access::{Digest, Role, tokens::PREFIX};
use zeroize::Zeroizing;

use crate::print;

/// What nobody guesses: 256 bits.
const N_BYTES: usize = 32;

/// What `netwolf token` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who is to have it, as the log calls them.
    #[arg(value_name = "NAME", default_value = "operator")]
    name: String,

    /// What it allows: view, operate or admin.
    #[arg(long, value_name = "ROLE", default_value = "view")]
    role: Role,
}

/// Makes one; it is printed this once and kept nowhere.
pub(crate) fn run(args: &Args) -> ExitCode {
    match make(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn make(args: &Args) -> anyhow::Result<()> {
    let mut bytes = Zeroizing::new([0; N_BYTES]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .ok()
        .context("the operating system gives no random numbers")?;
    let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_ref()));
    let token = Zeroizing::new(format!("{PREFIX}{}", *encoded));
    let name = serde_json::to_string(&args.name)?;
    let (role, digest) = (args.role, Digest::of(&token));
    print::tell!(
        "The token, shown this once: put it into a file that only its owner can read, for --token-file.\n\
         The configuration gets its digest, under `api: {{ tokens: [...] }}`:\n\n  \
         - {{ name: {name}, role: {role}, sha256: {digest} }}\n"
    );
    let line = Zeroizing::new(format!("{}\n", *token));
    print::out(&line)
}
