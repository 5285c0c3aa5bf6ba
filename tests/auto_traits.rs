//! Services, layers and futures are `Send`, `Sync`, `Unpin` and `Clone` as their parts are, and
//! borrow as long as these do.

mod support;

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Future, Ready, ready};
use std::marker::{PhantomData, PhantomPinned};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::task::LocalSet;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_adaptive::admission::{AdmissionFuture, By, Keyed, Rules};
use tower_adaptive::{
    Acquire, Admission, AdmissionError, AdmissionLayer, ConcurrencyLimit, ConcurrencyLimitLayer,
    KeyedConcurrencyLimit, KeyedConcurrencyLimitLayer, KeyedFuture, Limiter, LimiterBuilder,
    Limiters, Permit, Rejected, ResponseFuture, Sample, Snapshot,
};

use support::{Steady, block_on};

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_clone<T: Clone>() {}
fn is_debug<T: Debug>() {}
fn is_static<T: 'static>() {}

/// Fails to compile if the type implements the trait: both impls would apply.
macro_rules! is_not {
    ($trait:ident: $($type:ty),+ $(,)?) => {
        $({
            trait Ambiguous<A> {
                fn resolve() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Both;
            impl<T: ?Sized + $trait> Ambiguous<Both> for T {}
            <$type as Ambiguous<_>>::resolve();
        })+
    };
}

/// A service, future, classifier, responder or bypass with the auto traits of `T`.
struct Like<T>(PhantomData<T>);

impl<T> Service<()> for Like<T> {
    type Response = ();
    type Error = Infallible;
    type Future = LikeFuture<T>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> LikeFuture<T> {
        LikeFuture(PhantomData)
    }
}

struct LikeFuture<T>(PhantomData<T>);

impl<T> Future for LikeFuture<T> {
    type Output = Result<(), Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// Neither `Send` nor `Sync`.
type Local = Rc<()>;
/// `Send`, not `Sync`.
type Unshared = Cell<()>;

#[test]
fn handles_are_send_sync_unpin_and_static() {
    is_send::<Limiter>();
    is_sync::<Limiter>();
    is_unpin::<Limiter>();
    is_clone::<Limiter>();
    is_static::<Limiter>();
    is_send::<LimiterBuilder>();
    is_send::<Limiters<String>>();
    is_sync::<Limiters<String>>();
    is_unpin::<Limiters<String>>();
    is_static::<Limiters<String>>();
    is_clone::<Limiters<Like<()>>>();
    is_send::<Permit>();
    is_sync::<Permit>();
    is_unpin::<Permit>();
    is_static::<Permit>();
    is_send::<Acquire>();
    is_sync::<Acquire>();
    is_unpin::<Acquire>();
    is_static::<Acquire>();
}

#[test]
fn values_are_send_sync_clone_and_debug() {
    is_send::<(Sample, Snapshot, Rejected, AdmissionError<Infallible>)>();
    is_sync::<(Sample, Snapshot, Rejected, AdmissionError<Infallible>)>();
    is_clone::<(Sample, Snapshot, Rejected, AdmissionError<Infallible>)>();
    is_debug::<(Sample, Snapshot, Rejected, AdmissionError<Infallible>)>();
}

#[test]
fn a_permit_and_a_place_in_the_queue_are_not_clone() {
    is_not!(Clone: Permit, Acquire);
}

#[test]
fn services_are_send_and_sync_if_the_inner_service_is() {
    is_send::<ConcurrencyLimit<Like<()>>>();
    is_sync::<ConcurrencyLimit<Like<()>>>();
    is_send::<ConcurrencyLimit<Like<Unshared>>>();
    is_send::<Admission<Like<()>>>();
    is_sync::<Admission<Like<()>>>();
    is_send::<Admission<Like<Unshared>>>();
}

#[test]
fn services_are_not_send_or_sync_if_the_inner_service_is_not() {
    is_not!(Send: ConcurrencyLimit<Like<Local>>, Admission<Like<Local>>);
    is_not!(Sync: ConcurrencyLimit<Like<Unshared>>, Admission<Like<Unshared>>);
}

#[test]
fn services_are_not_send_if_a_shared_closure_is_not_sync() {
    is_not!(Send: ConcurrencyLimit<Like<()>, Unshared>, Admission<Like<()>, Unshared>);
}

#[test]
fn services_are_unpin_if_the_inner_service_is() {
    is_unpin::<ConcurrencyLimit<Like<()>>>();
    is_unpin::<Admission<Like<()>>>();
    is_not!(Unpin: ConcurrencyLimit<Like<PhantomPinned>>, Admission<Like<PhantomPinned>>);
}

#[test]
fn services_are_clone_if_the_inner_service_is_whatever_the_classifier() {
    is_clone::<ConcurrencyLimit<Rc<()>, Like<()>>>();
    is_clone::<Admission<Rc<()>, Like<()>, Like<()>, Rules<Like<()>, Like<()>>>>();
    is_not!(Clone: ConcurrencyLimit<Like<()>>, Admission<Like<()>>);
}

#[test]
fn keyed_layers_services_and_futures_are_what_their_parts_are() {
    type Service<T> = KeyedConcurrencyLimit<Like<T>, String, Like<()>>;
    type Layer<K> = KeyedConcurrencyLimitLayer<K, Like<()>>;

    is_send::<Service<()>>();
    is_sync::<Service<()>>();
    is_unpin::<Service<()>>();
    is_clone::<KeyedConcurrencyLimit<Rc<()>, Like<()>, Like<()>>>();
    is_send::<(Layer<String>, KeyedFuture<Like<()>, ()>)>();
    is_sync::<(Layer<String>, KeyedFuture<Like<()>, ()>)>();
    is_unpin::<KeyedFuture<Like<()>, ()>>();
    is_clone::<Layer<Like<()>>>();
    is_clone::<Rules<(), (), (), (), Keyed<Like<()>, Like<()>>>>();
    is_send::<AdmissionFuture<Like<()>, (), Like<()>, Like<()>, KeyedRules<Like<()>>>>();
    is_not!(Send: Service<Local>, KeyedFuture<Like<Local>, ()>, Layer<Local>);
    is_not!(Unpin: KeyedFuture<Like<PhantomPinned>, ()>);
}

type KeyedRules<F> = Rules<(), (), (), (), Keyed<String, By<F>>>;

#[test]
fn layers_are_send_sync_and_clone_if_their_closures_are_shared() {
    is_send::<(ConcurrencyLimitLayer, AdmissionLayer)>();
    is_sync::<(ConcurrencyLimitLayer, AdmissionLayer)>();
    is_unpin::<(ConcurrencyLimitLayer, AdmissionLayer)>();
    is_clone::<(ConcurrencyLimitLayer<Like<()>>, AdmissionLayer<Like<()>>)>();
    is_clone::<Rules<Like<()>, Like<()>, Like<()>, Like<()>>>();
    is_not!(Send: ConcurrencyLimitLayer<Unshared>, AdmissionLayer<Unshared>, Rules<Unshared>);
}

#[test]
fn futures_are_send_sync_and_unpin_if_the_inner_future_is() {
    is_send::<ResponseFuture<LikeFuture<()>>>();
    is_sync::<ResponseFuture<LikeFuture<()>>>();
    is_unpin::<ResponseFuture<LikeFuture<()>>>();
    is_send::<AdmissionFuture<Like<()>, ()>>();
    is_sync::<AdmissionFuture<Like<()>, ()>>();
    is_unpin::<AdmissionFuture<Like<()>, ()>>();
}

#[test]
fn futures_are_not_send_sync_or_unpin_if_the_inner_future_is_not() {
    is_not!(Send: ResponseFuture<LikeFuture<Local>>, AdmissionFuture<Like<Local>, ()>);
    is_not!(Sync: ResponseFuture<LikeFuture<Unshared>>, AdmissionFuture<Like<Unshared>, ()>);
    is_not!(
        Unpin: ResponseFuture<LikeFuture<PhantomPinned>>,
        AdmissionFuture<Like<PhantomPinned>, ()>,
    );
}

#[cfg(feature = "http")]
#[test]
fn bodies_are_send_sync_and_unpin_if_the_inner_body_is() {
    use tower_adaptive::http::{GuardedBody, Streaming};

    is_send::<GuardedBody<()>>();
    is_sync::<GuardedBody<()>>();
    is_unpin::<GuardedBody<(), PhantomPinned>>();
    is_debug::<GuardedBody<(), PhantomPinned>>();
    is_clone::<AdmissionLayer<Like<()>, Like<()>, Rules, Streaming>>();
    is_clone::<ConcurrencyLimitLayer<Like<()>, Streaming>>();
    is_not!(Send: GuardedBody<Local>, GuardedBody<(), Unshared>);
    is_not!(Sync: GuardedBody<Unshared>);
    is_not!(Unpin: GuardedBody<PhantomPinned>);
    is_not!(Clone: GuardedBody<()>);
}

#[test]
fn the_futures_of_run_are_send_if_the_work_is() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let limiter = Limiter::new(Steady::new(1));

    let run = send(limiter.run(async { Ok::<_, Infallible>(1) }));

    assert_eq!(block_on(run), Ok(1));
}

#[tokio::test]
async fn a_service_that_is_not_send_works_on_a_local_set() {
    let count = Rc::new(Cell::new(0));
    let inner = {
        let count = count.clone();
        service_fn(move |n: u32| {
            count.set(count.get() + n);
            let count = count.clone();
            async move { Ok::<_, Infallible>(count.get()) }
        })
    };
    let limited = ConcurrencyLimitLayer::new(Steady::new(1)).layer(inner.clone());
    let admitted = AdmissionLayer::new(Steady::new(1)).layer(inner);

    let local = LocalSet::new();
    local
        .run_until(async {
            let limited = tokio::task::spawn_local(limited.oneshot(1));
            assert_eq!(limited.await.unwrap(), Ok(1));
            let admitted = tokio::task::spawn_local(admitted.oneshot(2));
            assert_eq!(admitted.await.unwrap(), Ok(3));
        })
        .await;

    assert_eq!(count.get(), 3);
}

#[test]
fn a_service_may_borrow_a_local() {
    let count = Cell::new(0);
    let inner = service_fn(|n: &str| -> Ready<Result<usize, Infallible>> {
        count.set(count.get() + n.len());
        ready(Ok(count.get()))
    });
    let request = String::from("abc");
    let limited = ConcurrencyLimit::new(inner, Limiter::new(Steady::new(1)));
    let admitted = AdmissionLayer::new(Steady::new(1)).layer(inner);

    assert_eq!(block_on(limited.oneshot(&request)), Ok(3));
    assert_eq!(block_on(admitted.oneshot(&request)), Ok(6));
}

#[test]
fn closures_may_borrow_a_local() {
    let seen = Cell::new(0);
    let see = |_: &Result<u32, Infallible>| {
        seen.set(seen.get() + 1);
        None
    };
    let limited = ConcurrencyLimitLayer::new(Steady::new(1)).classifier(see);
    let admitted = AdmissionLayer::new(Steady::new(1))
        .classifier(see)
        .bypass(|_: &u32| seen.get() == 100)
        .deadline(|_: &u32| (seen.get() == 100).then(tokio::time::Instant::now))
        .on_reject(|_: u32, _| seen.get());
    let inner = service_fn(|n: u32| ready(Ok::<_, Infallible>(n)));

    assert_eq!(block_on(limited.layer(inner).oneshot(1)), Ok(1));
    assert_eq!(block_on(admitted.layer(inner).oneshot(2)), Ok(2));

    assert_eq!(seen.get(), 2);
}

#[test]
fn a_future_that_is_not_unpin_is_polled_in_place() {
    let mut service = ConcurrencyLimit::new(
        service_fn(async |n: u32| {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(n)
        }),
        Limiter::new(Steady::new(1)),
    );
    let service = block_on(service.ready()).unwrap();

    let response = pin!(service.call(1));

    assert_eq!(block_on(response), Ok(1));
}
