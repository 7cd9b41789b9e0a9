//! Judging logins: what is offered, what is asked, what a refusal counts for.

use russh::MethodKind;
use russh::server::Auth;

use super::Handler;
use crate::device::count;

impl Handler {
    pub(super) fn judge(&mut self, user: &str, granted: bool) -> Auth {
        if granted {
            self.station.line.log_in(user);
            user.clone_into(&mut self.user);
            return Auth::Accept;
        }
        count(&self.station.device().counters.login_failures);
        self.station.service.access.refused();
        // All methods stay open: the next attempt may be right.
        self.refuse()
    }

    pub(super) fn refuse(&self) -> Auth {
        let faults = self.station.device().faults.borrow();
        Auth::Reject {
            proceed_with_methods: Some(self.station.service.basis.methods(&faults)),
            partial_success: false,
        }
    }

    /// Whether `method` may be used here. What is not offered is refused unheard, so no account
    /// learns of it.
    pub(super) fn offers(&self, method: MethodKind) -> bool {
        let faults = self.station.device().faults.borrow();
        self.station
            .service
            .basis
            .methods(&faults)
            .contains(&method)
    }

    /// What keyboard-interactive asks beside the password, if this login is asked.
    pub(super) fn acknowledgement(&self) -> Option<(&'static str, &'static str)> {
        let profile = &self.station.device().profile;
        let asked = profile.manner.traits().acknowledgement;
        asked.filter(|_| profile.questions)
    }
}
