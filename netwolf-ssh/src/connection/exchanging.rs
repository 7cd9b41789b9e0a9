//! An exchange of keys, whoever begins it and how often it happens.
//!
//! ```text
//!   our offer is out --> theirs is here, our share is out --> their share is here, --> they use new keys
//!                                                             we use new keys
//! ```
//!
//! Invariants: what the device signs is checked before anybody is asked about its key, and no other key is taken
//! later; nothing that waited is sent before both was so.

use std::time::Instant;

use aws_lc_rs::{
    digest::{Context, SHA256, digest},
    rand,
};

use super::Connection;
use crate::{
    Handler,
    cipher::{Cipher, Role},
    codec::{Reader, Write},
    error::Error,
    exchange::Exchange,
    host_key,
    keys::{Secrets, Way},
    negotiation::{COOKIE, Chosen, Offer, Preferences},
    numbers::{KEX_ECDH_INIT, KEX_ECDH_REPLY, KEXINIT, NEWKEYS},
};

/// An exchange of keys that is under way.
pub(super) struct Exchanging {
    /// Our offer as it was sent.
    ours: Vec<u8>,
    step: Step,
}

enum Step {
    /// The device's offer is to come.
    Offered,
    /// Its share is to come.
    Shared {
        exchange: Exchange,
        chosen: Chosen,
        theirs: Vec<u8>,
        /// The next message belongs to an exchange that the device had guessed.
        pass_over: bool,
    },
    /// It is to use its new keys, which are these.
    Keyed(Cipher),
}

impl Exchanging {
    /// Nothing else may be sent meanwhile.
    pub(super) const fn holds_back(&self) -> bool {
        !matches!(self.step, Step::Keyed(_))
    }
}

impl Connection {
    pub(super) fn begin_exchange(&mut self) -> Result<(), Error> {
        let mut ours = self.offer.to_vec();
        rand::fill(&mut ours[1..=COOKIE])?;
        self.sending.put(&ours, 1, &mut self.out)?;
        self.exchanging = Some(Box::new(Exchanging {
            ours,
            step: Step::Offered,
        }));
        Ok(())
    }

    pub(super) fn handle_exchange(
        &mut self,
        payload: &[u8],
        handler: &mut impl Handler,
        now: Instant,
    ) -> Result<(), Error> {
        let number = payload[0];
        if number == KEXINIT {
            if self.exchanging.is_none() {
                self.begin_exchange()?;
            }
            return self.handle_offer(payload, &Offer::read(payload)?);
        }
        let out_of_turn = Error::OutOfTurn(number);
        let mut exchanging = self.exchanging.take().ok_or(out_of_turn.clone())?;
        if let Step::Shared { pass_over, .. } = &mut exchanging.step
            && number != NEWKEYS
            && std::mem::take(pass_over)
        {
            self.exchanging = Some(exchanging);
            return Ok(());
        }
        match (number, exchanging.step) {
            (
                KEX_ECDH_REPLY,
                Step::Shared {
                    exchange,
                    chosen,
                    theirs,
                    ..
                },
            ) => {
                let offers = [exchanging.ours.as_slice(), theirs.as_slice()];
                let cipher = self.handle_share(payload, &exchange, chosen, offers, handler)?;
                exchanging.step = Step::Keyed(cipher);
                self.exchanging = Some(exchanging);
                for (payload, rounded) in std::mem::take(&mut self.held) {
                    self.sending.put(&payload, rounded, &mut self.out)?;
                }
                Ok(())
            }
            (NEWKEYS, Step::Keyed(cipher)) => {
                self.receiving.keys.renew(cipher, self.strict);
                self.rekey_at = now.checked_add(self.rekey_after);
                self.keyed = true;
                Ok(())
            }
            _ => Err(out_of_turn),
        }
    }

    /// The device has offered what it can do: the choice is made, and our share is sent.
    pub(super) fn handle_offer(&mut self, theirs: &[u8], offer: &Offer) -> Result<(), Error> {
        let exchanging = self.exchanging.as_mut().ok_or(Error::OutOfTurn(KEXINIT))?;
        if !matches!(exchanging.step, Step::Offered) {
            return Err(Error::OutOfTurn(KEXINIT));
        }
        let chosen = Preferences::of_kexinit(&exchanging.ours)?.choose(offer)?;
        let exchange = Exchange::begin(chosen.kex)?;
        let mut payload = vec![KEX_ECDH_INIT];
        payload.put_string(exchange.share());
        self.sending.put(&payload, 1, &mut self.out)?;
        exchanging.step = Step::Shared {
            exchange,
            pass_over: chosen.guessed_wrong,
            chosen,
            theirs: theirs.to_vec(),
        };
        Ok(())
    }

    /// The device has sent its share, signed: new keys are made and used for what goes to it from now on. Returns
    /// those for what comes from it.
    fn handle_share(
        &mut self,
        payload: &[u8],
        exchange: &Exchange,
        chosen: Chosen,
        offers: [&[u8]; 2],
        handler: &mut impl Handler,
    ) -> Result<Cipher, Error> {
        let mut reader = Reader::new(&payload[1..]);
        let key = reader.string()?;
        let share = reader.string()?;
        let signature = reader.string()?;
        let shared = exchange.finish(share)?;
        let hash = {
            let mut transcript = Vec::with_capacity(4096);
            transcript.put_string(self.version.as_bytes());
            transcript.put_string(self.device_version.as_bytes());
            for part in [offers[0], offers[1], key, exchange.share(), share] {
                transcript.put_string(part);
            }
            let mut context = Context::new(exchange.hash());
            context.update(&transcript);
            context.update(&shared);
            context.finish()
        };
        host_key::verify(chosen.host_key, key, signature, hash.as_ref())?;
        self.judge_host_key(key, handler)?;
        let session = self.session.get_or_insert_with(|| hash.as_ref().into());
        let secrets = Secrets {
            hash: exchange.hash(),
            shared: &shared,
            exchange: hash.as_ref(),
            session,
        };
        let to_device = Cipher::new(chosen.sending, Way::ToDevice, Role::Seals, &secrets)?;
        let from_device = Cipher::new(chosen.receiving, Way::FromDevice, Role::Opens, &secrets)?;
        self.sending.put(&[NEWKEYS], 1, &mut self.out)?;
        self.sending.keys.renew(to_device, self.strict);
        Ok(from_device)
    }

    /// Asks about the first key, and takes no other one later.
    fn judge_host_key(&mut self, key: &[u8], handler: &mut impl Handler) -> Result<(), Error> {
        let hash = digest(&SHA256, key);
        let is_good = if self.session.is_none() {
            handler.host_key(key)
        } else {
            hash.as_ref() == self.host_key
        };
        if !is_good {
            return Err(Error::HostKey);
        }
        self.host_key.copy_from_slice(hash.as_ref());
        Ok(())
    }
}
