use super::choice::Limits;
use super::error::{Reason, Rejected};
use super::rules::RulesFor;
use crate::gate::{Entry, Pass, Place, Ticket};
use crate::hold;
use crate::limiter::{Handle, Limiter, Mode};
use crate::sync::Arc;

/// What all services of one layer share.
pub(super) struct Policy<C, R, Q, H> {
    pub(super) classifier: Arc<C>,
    pub(super) responder: Arc<R>,
    pub(super) rules: Q,
    pub(super) hold: H,
    pub(super) mode: Mode,
}

/// What one request keeps of its layer: the policy, and which limiter was chosen.
pub(super) struct Lease<C, R, Q: Limits, H> {
    policy: Arc<Policy<C, R, Q, H>>,
    chosen: Q::Chosen,
}

pub(super) enum Verdict {
    Admitted(Pass),
    Bypassed,
    Queued(Place),
    Rejected(Rejected),
}

impl<C, R, Q: Clone, H: Copy> Policy<C, R, Q, H> {
    /// Makes the policy with some of its parts replaced, whose types may be others.
    pub(super) fn map<D, U, V, G>(
        &self,
        change: impl FnOnce(Arc<C>, Arc<R>, Q, H) -> (Arc<D>, Arc<U>, V, G),
    ) -> Policy<D, U, V, G> {
        let (classifier, responder, rules, hold) = change(
            self.classifier.clone(),
            self.responder.clone(),
            self.rules.clone(),
            self.hold,
        );
        Policy {
            classifier,
            responder,
            rules,
            hold,
            mode: self.mode,
        }
    }
}

impl<C, R, Q: Limits, H> Lease<C, R, Q, H> {
    pub(super) fn new<Req>(policy: Arc<Policy<C, R, Q, H>>, request: &Req) -> Self
    where
        Q: RulesFor<Req>,
    {
        let chosen = policy.rules.choose(request);
        Self { policy, chosen }
    }

    pub(super) fn policy(&self) -> &Arc<Policy<C, R, Q, H>> {
        &self.policy
    }

    pub(super) fn into_policy(self) -> Arc<Policy<C, R, Q, H>> {
        self.policy
    }

    /// Decides about the request. What is the caller's code runs before there is a permit to lose.
    #[inline]
    pub(super) fn decide<Req>(&self, request: &Req) -> Verdict
    where
        Q: RulesFor<Req>,
    {
        let (rules, limiter) = (&self.policy.rules, self.limiter());
        if rules.bypasses(request) {
            return match limiter.admit_past_limit() {
                true => Verdict::Bypassed,
                false => Verdict::Rejected(limiter.reject(Reason::Limit)),
            };
        }
        let ticket = Ticket {
            priority: rules.priority(request, limiter),
            partition: rules.partition(request),
            deadline: rules.deadline(request),
        };
        limiter.enter(&ticket, self.policy.mode).into()
    }
}

impl From<Entry> for Verdict {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Admitted(pass) => Self::Admitted(pass),
            Entry::Queued(place) => Self::Queued(place),
            Entry::Rejected(rejected) => Self::Rejected(rejected),
        }
    }
}

impl<C, R, Q: Limits, H> Handle for Lease<C, R, Q, H> {
    fn limiter(&self) -> &Limiter {
        self.policy.rules.resolve(&self.chosen)
    }
}

impl<C, R, Q: Limits, H> hold::Lease for Lease<C, R, Q, H> {
    type Classifier = C;

    fn classifier(&self) -> &Arc<C> {
        &self.policy.classifier
    }
}

impl<C, R, Q: Limits, H> Clone for Lease<C, R, Q, H> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            chosen: self.chosen.clone(),
        }
    }
}
