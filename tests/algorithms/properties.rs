use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn limit_stays_in_bounds_and_only_a_success_raises_it(
        mut subject in any_algorithm(),
        events in events(),
    ) {
        let algorithm = &mut subject.algorithm;
        let is_fixed = algorithm.report().algorithm == Some("fixed");
        for event in events {
            let before = algorithm.max_concurrency();
            match event {
                Event::Finished(sample) => {
                    algorithm.update(&sample);
                    let after = algorithm.max_concurrency();
                    prop_assert!(after <= before || sample.outcome == Outcome::Success);
                }
                Event::Rebased(limit, bounds) => {
                    algorithm.rebase(limit, bounds);
                    subject.bounds = bounds;
                    prop_assert!(is_fixed || algorithm.max_concurrency() == limit);
                }
            }
            let limit = algorithm.max_concurrency();
            prop_assert_eq!(subject.bounds.clamp(limit), limit);
            let report = algorithm.report();
            prop_assert_eq!(report.bounds, Some(subject.bounds));
            prop_assert!(report.queue.is_none_or(f64::is_finite));
        }
    }

    #[test]
    fn overload_lowers_any_limit_above_the_smallest(
        mut subject in prop_oneof![any_aimd(), any_gradient2(), any_vegas()],
        events in events(),
        overload in (durations(), any::<usize>()),
    ) {
        let algorithm = &mut subject.algorithm;
        for event in events {
            if let Event::Finished(sample) = event {
                algorithm.update(&sample);
            }
        }
        let before = algorithm.max_concurrency();
        algorithm.update(&Sample::new(overload.0, overload.1, Outcome::Overload));
        let after = algorithm.max_concurrency();
        prop_assert!(after < before || after == subject.bounds.min());
    }
}

/// An algorithm with random options, and the bounds it must keep to.
struct Subject {
    options: String,
    algorithm: Box<dyn Algorithm>,
    bounds: Bounds,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.options)
    }
}

fn subject(algorithm: impl Algorithm + fmt::Debug) -> Subject {
    Subject {
        options: format!("{algorithm:?}"),
        bounds: algorithm.report().bounds.unwrap(),
        algorithm: Box::new(algorithm),
    }
}

/// An initial limit and the bounds around it.
fn limits() -> impl Strategy<Value = (usize, usize, usize)> {
    let limit = || prop_oneof![1..50_usize, 1..=Bounds::LARGEST];
    [limit(), limit(), limit()].prop_map(|mut limits| {
        limits.sort_unstable();
        (limits[1], limits[0], limits[2])
    })
}

fn smoothing() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(f64::MIN_POSITIVE), 0.001..1.0]
}

fn any_aimd() -> impl Strategy<Value = Subject> {
    (limits(), 0.5..1.0, durations()).prop_map(|((initial, min, max), ratio, timeout)| {
        let builder = Aimd::builder()
            .initial_limit(initial)
            .min_limit(min)
            .max_limit(max)
            .backoff_ratio(ratio)
            .timeout(timeout.max(Duration::from_nanos(1)));
        subject(builder.build())
    })
}

fn any_gradient2() -> impl Strategy<Value = Subject> {
    let options = (
        limits(),
        smoothing(),
        prop_oneof![1.0..10.0, Just(f64::MAX)],
        prop_oneof![1..1000_u32, Just(u32::MAX)],
        prop_oneof![1..100_usize, Just(usize::MAX)],
    );
    options.prop_map(
        |((initial, min, max), smoothing, tolerance, window, queue)| {
            let builder = Gradient2::builder()
                .initial_limit(initial)
                .min_limit(min)
                .max_limit(max)
                .smoothing(smoothing)
                .rtt_tolerance(tolerance)
                .long_window(window)
                .queue_size(queue);
            subject(builder.build())
        },
    )
}

fn any_vegas() -> impl Strategy<Value = Subject> {
    let alpha = prop_oneof![1.0..10.0, Just(f64::MAX)];
    let options = (limits(), smoothing(), alpha, any::<u64>(), 2..100_u32);
    options.prop_map(
        |((initial, min, max), smoothing, alpha, seed, multiplier)| {
            let builder = Vegas::builder()
                .initial_limit(initial)
                .min_limit(min)
                .max_limit(max)
                .smoothing(smoothing)
                .alpha(alpha)
                .beta(alpha)
                .threshold(1.0)
                .seed(seed)
                .probe_multiplier(multiplier);
            subject(builder.build())
        },
    )
}

fn any_fathom() -> impl Strategy<Value = Subject> {
    (limits(), 0.25..=4.0).prop_map(|((initial, min, max), headroom)| {
        let builder = Fathom::builder()
            .initial_limit(initial)
            .min_limit(min)
            .max_limit(max)
            .headroom(headroom);
        subject(builder.build())
    })
}

fn any_windowed(inner: impl Strategy<Value = Subject>) -> impl Strategy<Value = Subject> {
    let aggregate = prop_oneof![
        Just(Aggregate::Mean),
        Just(Aggregate::LogMean),
        (0.001..=1.0).prop_map(Aggregate::Percentile)
    ];
    let options = (
        inner,
        durations(),
        durations(),
        1..4_u32,
        durations(),
        aggregate,
    );
    options.prop_map(|(inner, a, b, min_samples, min_rtt, aggregate)| {
        let builder = WindowedBuilder::default()
            .min_window(a.min(b).max(Duration::from_nanos(1)))
            .max_window(a.max(b).max(Duration::from_nanos(1)))
            .min_samples(min_samples)
            .min_rtt(min_rtt)
            .aggregate(aggregate);
        Subject {
            options: format!("{builder:?} over {}", inner.options),
            algorithm: Box::new(builder.inner(inner.algorithm).build()),
            bounds: inner.bounds,
        }
    })
}

fn any_algorithm() -> impl Strategy<Value = Subject> {
    prop_oneof![
        any_aimd(),
        any_gradient2(),
        any_vegas(),
        any_fathom(),
        any_windowed(prop_oneof![any_aimd(), any_gradient2(), any_vegas()]),
        (1..=Bounds::LARGEST).prop_map(|limit| subject(Fixed::new(limit))),
    ]
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        1 => Just(Duration::MAX),
        4 => (0..100_u64).prop_map(Duration::from_millis),
        4 => (0..10 * 86_400_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

#[derive(Clone, Debug)]
enum Event {
    Finished(Sample),
    Rebased(usize, Bounds),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        1 => Just(Outcome::Overload),
        1 => Just(Outcome::Canceled)
    ];
    let in_flight = prop_oneof![0..100_usize, any::<usize>()];
    let sample = (durations(), in_flight, outcome, durations())
        .prop_map(|(rtt, in_flight, outcome, at)| Sample::new(rtt, in_flight, outcome).at(at));
    let event = prop_oneof![
        50 => sample.prop_map(Event::Finished),
        1 => limits().prop_map(|(limit, min, max)| Event::Rebased(limit, bounds(min, max))),
    ];
    prop::collection::vec(event, 1..300)
}
