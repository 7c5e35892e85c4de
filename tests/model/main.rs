//! Random sequences of everything that the contract speaks of, from outside
//! and from within callbacks, each step checked against a simple model.

#[path = "../support/mod.rs"]
mod support;

mod action;
mod oracle;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::collection::vec;
use proptest::prelude::*;

use action::Action;
use support::{look, loop_on};
use world::World;

/// A step of the test: something done from outside, or a turn of the loop.
#[derive(Clone, Debug)]
enum Step {
    Do(Action),
    Turn,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![2 => Just(Step::Turn), 3 => action::any().prop_map(Step::Do)]
}

/// Plays the steps on a loop; the oracle panics at the first deviation.
fn play(backend: &str, steps: &[Step]) {
    let events = loop_on(backend);
    let world = World::new(events.handle(), backend == "epoll");
    let turn = || {
        world.oracle().begin_turn();
        let result = catch_unwind(AssertUnwindSafe(|| look(&events)));
        world.oracle().end_turn(result.err());
    };
    for step in steps {
        match step {
            Step::Do(action) => world.perform(action, None),
            Step::Turn => turn(),
        }
    }
    // What is owed after a panic has a turn to come; each may panic again.
    (0..4).for_each(|_| turn());
    world.end_all();
    turn();
    events.run().unwrap();
    assert_eq!(events.handle().live(), 0, "{:?}", events.handle().registrations());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn epoll_does_what_the_model_says(steps in vec(step(), 1..60)) {
        play("epoll", &steps);
    }

    #[test]
    fn poll_does_what_the_model_says(steps in vec(step(), 1..60)) {
        play("poll", &steps);
    }

    #[test]
    fn select_does_what_the_model_says(steps in vec(step(), 1..60)) {
        play("select", &steps);
    }
}
