//! Runs that are killed and gone on with: they end as if nothing had happened, and nobody is asked twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::life::Moment;
use crate::world::{World, end_of};

/// Replies that a run has written down, by agent.
type Replied = BTreeMap<String, usize>;

fn replied(log: &[Value]) -> Replied {
    let mut replied = Replied::new();
    for event in log.iter().map(|it| &it["event"]) {
        if event["kind"] == "replied" {
            let agent = event["agent"].as_str().expect("an agent has a name");
            *replied.entry(agent.to_owned()).or_default() += 1;
        }
    }
    replied
}

/// Kills one life after another at these moments, lets the last one end, and checks that end; says how many died.
async fn check(moments: &[Moment]) -> usize {
    check_in(World::new().await, moments).await
}

async fn check_in(world: World, moments: &[Moment]) -> usize {
    let mut killed = 0;
    for moment in moments {
        let (arguments, recorded) = going_on(&world).await;
        let asked_before = asked(&world);
        let mut life = world.start(&arguments);
        life.wait_for(*moment).await;
        let ended = life.kill().await;
        check_nothing_twice(&world, &asked_before, &recorded, moment);
        match ended {
            None => killed += 1,
            Some(code) => {
                assert_eq!(code, 0, "it ended by itself before {moment:?}");
                break;
            }
        }
    }
    let (arguments, recorded) = going_on(&world).await;
    let asked_before = asked(&world);
    let ended = world.run(&arguments).await;
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    check_nothing_twice(&world, &asked_before, &recorded, &Moment::Ms(u64::MAX));
    check_end(&world, killed).await;
    killed
}

/// How to go on, and what was recorded so far. A run that was killed before its first event is begun anew.
async fn going_on(world: &World) -> (Vec<String>, Replied) {
    let Some(run) = world.runs().await.into_iter().next() else {
        return (world.run_arguments(), Replied::new());
    };
    let log = world.log(&run).await;
    if log.is_empty() {
        return (world.run_arguments(), Replied::new());
    }
    let resume = ["resume", &run, "--json"].map(str::to_owned).to_vec();
    (resume, replied(&log))
}

type Asked = BTreeMap<(&'static str, usize), usize>;

fn asked(world: &World) -> Asked {
    let asked = world.vendors.asked();
    asked.into_iter().map(|(it, all)| (it, all.len())).collect()
}

/// No request of this life is one whose reply had been written down before it.
fn check_nothing_twice(world: &World, before: &Asked, recorded: &Replied, moment: &Moment) {
    for (place, times) in asked(world) {
        let is_new = before.get(&place).is_none_or(|it| *it < times);
        let (agent, turn) = place;
        let answered = recorded.get(agent).is_some_and(|it| turn < *it);
        assert!(
            !(is_new && answered),
            "{agent} asked again for reply {turn}, which was written down before ({moment:?})"
        );
    }
}

async fn check_end(world: &World, killed: usize) {
    assert_eq!(world.vendors.refused(), Vec::<String>::new());
    world.check_change();
    let run = world.runs().await.remove(0);
    let log = world.log(&run).await;
    let last = end_of(&log);
    assert_eq!(
        (&last["kind"], &last["status"], &last["tier"]),
        (&"finished".into(), &"completed".into(), &"proven".into())
    );
    let recorded = replied(&log);
    for ((agent, turn), bodies) in world.vendors.asked() {
        assert!(turn < recorded[agent], "{agent} asked more than it used");
        assert!(
            bodies.len() <= 1 + killed,
            "{agent} asked {} times for reply {turn}",
            bodies.len()
        );
        assert!(
            bodies.iter().all(|it| *it == bodies[0]),
            "{agent} asked differently for reply {turn} after a kill"
        );
    }
}

/// Numbers that look like chance and are the same every time; see Vigna, "An experimental exploration of
/// Marsaglia's xorshift generators".
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

#[tokio::test]
async fn a_run_killed_ten_times_ends_as_if_it_never_was() {
    let mut chance = Chance(20_260_101);
    let mut moment = || Moment::Events(1 + usize::from(chance.below(2) == 1), chance.below(250));
    let moments: Vec<Moment> = (0..10).map(|_| moment()).collect();
    assert_eq!(check(&moments).await, moments.len(), "{moments:?}");
}

#[tokio::test]
async fn a_run_killed_before_or_while_it_opens_is_begun_anew() {
    // Its environment isn't there yet, so it is being set up when the later ones come.
    let world = World::with_its_own_repository().await;
    let moments = [20, 120, 260, 420].map(Moment::Ms);
    check_in(world, &moments).await;
}

#[tokio::test]
async fn a_run_killed_once_anywhere_ends_the_same() {
    for moment in [
        Moment::Events(1, 30),
        Moment::Events(5, 0),
        Moment::Events(9, 150),
        Moment::Events(14, 0),
        Moment::Events(20, 300),
        Moment::Events(26, 0),
    ] {
        assert_eq!(check(&[moment]).await, 1, "{moment:?} is after the end");
    }
}
