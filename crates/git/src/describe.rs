//! The nearest tag of a commit and how far it is, found as `git describe` finds it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use git2::{ObjectType, Odb, Oid};

/// Tags that are weighed against each other, as many as git weighs.
const CANDIDATES_MAX: usize = 10;
/// Commits that are walked; a tag that is farther away than this isn't found.
pub(crate) const COMMITS_MAX: usize = 50_000;
/// How many open ends are looked at to see whether the walk may stop.
const ENDS_LOOKED_AT_MAX: usize = 256;

/// Where a walk over commits led.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The commit that bears the nearest tag, and how many commits aren't in its history.
    pub(crate) nearest: Option<(Oid, u32)>,
    /// Every commit that was met and is there.
    pub(crate) seen: Vec<Oid>,
    /// Those of them whose parents weren't all met.
    pub(crate) ends: Vec<Oid>,
}

struct Candidate {
    commit: Oid,
    distance: u32,
    flag: u32,
}

/// A commit as far as a walk needs it.
struct Node {
    seconds: i64,
    parents: Vec<Oid>,
}

struct Walking<'a> {
    objects: &'a Odb<'a>,
    nodes: HashMap<Oid, Node>,
    /// Which candidates have a commit in their history, for every commit met.
    within: HashMap<Oid, u32>,
    open: BinaryHeap<(i64, Reverse<usize>, Oid)>,
}

impl Walking<'_> {
    /// Meets a commit, unless it isn't there.
    fn meet(&mut self, id: Oid, flags: u32) {
        if let Some(known) = self.within.get_mut(&id) {
            *known |= flags;
            return;
        }
        let Some(node) = read(self.objects, id) else {
            return;
        };
        let order = self.nodes.len();
        self.open.push((node.seconds, Reverse(order), id));
        self.nodes.insert(id, node);
        self.within.insert(id, flags);
    }

    fn next(&mut self) -> Option<(Oid, u32)> {
        let (_, _, id) = self.open.pop()?;
        Some((id, self.within.get(&id).copied().unwrap_or_default()))
    }

    fn meet_parents(&mut self, id: Oid) {
        let flags = self.within.get(&id).copied().unwrap_or_default();
        let parents = self.nodes.get(&id).map(|it| it.parents.clone());
        for parent in parents.into_iter().flatten() {
            self.meet(parent, flags);
        }
    }

    /// Whether everything that is left lies in the history of one candidate, so that nothing changes any more.
    fn is_within(&self, flag: u32) -> bool {
        self.open.len() <= ENDS_LOOKED_AT_MAX
            && self
                .open
                .iter()
                .all(|(_, _, id)| self.within.get(id).is_some_and(|it| it & flag != 0))
    }
}

/// Walks from `head` to the nearest commit that `is_tagged`.
pub(crate) fn walk(objects: &Odb<'_>, head: Oid, is_tagged: impl Fn(Oid) -> bool) -> Walk {
    let mut walking = Walking {
        objects,
        nodes: HashMap::new(),
        within: HashMap::new(),
        open: BinaryHeap::new(),
    };
    walking.meet(head, 0);
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut count = 0;
    while count < COMMITS_MAX && !candidates.iter().any(|it| walking.is_within(it.flag)) {
        let Some((id, mut flags)) = walking.next() else {
            break;
        };
        if is_tagged(id) && candidates.len() < CANDIDATES_MAX {
            let flag = 1 << candidates.len();
            candidates.push(Candidate {
                commit: id,
                distance: count as u32,
                flag,
            });
            flags |= flag;
            walking.within.insert(id, flags);
        }
        for candidate in &mut candidates {
            candidate.distance += u32::from(flags & candidate.flag == 0);
        }
        count += 1;
        walking.meet_parents(id);
    }
    // The sort is stable: of two that are equally far, the one that was met first.
    candidates.sort_by_key(|it| it.distance);
    let nearest = candidates.into_iter().next().map(|mut it| {
        while count < COMMITS_MAX && !walking.is_within(it.flag) {
            let Some((id, flags)) = walking.next() else {
                break;
            };
            it.distance += u32::from(flags & it.flag == 0);
            count += 1;
            walking.meet_parents(id);
        }
        (it.commit, it.distance)
    });
    let is_end = |(_, node): &(&Oid, &Node)| {
        node.parents
            .iter()
            .any(|it| !walking.nodes.contains_key(it))
    };
    let mut ends: Vec<Oid> = walking
        .nodes
        .iter()
        .filter(is_end)
        .map(|it| *it.0)
        .collect();
    ends.sort_unstable();
    let mut seen: Vec<Oid> = walking.nodes.into_keys().collect();
    seen.sort_unstable();
    Walk {
        nearest,
        seen,
        ends,
    }
}

fn read(objects: &Odb<'_>, id: Oid) -> Option<Node> {
    let object = objects.read(id).ok()?;
    if object.kind() != ObjectType::Commit {
        return None;
    }
    let text = String::from_utf8_lossy(object.data());
    let mut node = Node {
        seconds: 0,
        parents: Vec::new(),
    };
    for line in text.lines().take_while(|it| !it.is_empty()) {
        if let Some(parent) = line.strip_prefix("parent ") {
            node.parents.push(Oid::from_str(parent).ok()?);
        } else if line.starts_with("committer ") {
            // `committer NAME <MAIL> SECONDS ZONE`
            let seconds = line.rsplit(' ').nth(1).and_then(|it| it.parse().ok());
            node.seconds = seconds.unwrap_or_default();
        }
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use git2::{Repository, Signature, Time};

    use super::*;

    /// Commits by letter, each after those it names: `b:a` follows `a`; a capital letter bears a tag.
    #[track_caller]
    fn check(history: &[&str], head: char, nearest: Option<(char, u32)>, ends: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let tree = repository.treebuilder(None).expect("a tree");
        let tree = tree.write().expect("a tree");
        let tree = repository.find_tree(tree).expect("the tree");
        let mut ids: HashMap<char, Oid> = HashMap::new();
        for (second, row) in history.iter().enumerate() {
            let name = row.chars().next().expect("a name");
            let parents: Vec<_> = row
                .chars()
                .skip(2)
                .map(|it| repository.find_commit(ids[&it]).expect("a parent"))
                .collect();
            let parents: Vec<_> = parents.iter().collect();
            let who = Signature::new("a", "a@example.org", &Time::new(second as i64, 0));
            let who = who.expect("a signature");
            let id = repository.commit(None, &who, &who, row, &tree, &parents);
            ids.insert(name, id.expect("a commit"));
        }
        let tagged: Vec<Oid> = ids
            .iter()
            .filter(|it| it.0.is_uppercase())
            .map(|it| *it.1)
            .collect();
        let objects = repository.odb().expect("objects");
        let walk = walk(&objects, ids[&head], |it| tagged.contains(&it));
        let name = |id: Oid| ids.iter().find(|it| *it.1 == id).map(|it| *it.0);
        let found = walk
            .nearest
            .map(|(id, far)| (name(id).expect("a name"), far));
        assert_eq!(found, nearest, "{history:?}");
        let mut found: Vec<char> = walk.ends.iter().filter_map(|it| name(*it)).collect();
        found.sort_unstable();
        assert_eq!(found.iter().collect::<String>(), ends, "{history:?}");
    }

    #[test]
    fn the_nearest_tag_is_the_one_with_the_fewest_commits_beyond_it() {
        check(&["a", "b:a"], 'b', None, "");
        check(&["A"], 'A', Some(('A', 0)), "");
        check(&["a", "B:a", "c:B", "d:c"], 'd', Some(('B', 2)), "");
        check(&["z", "a:z", "B:a", "c:B"], 'c', Some(('B', 1)), "a");
        // Of two branches that meet, both are counted.
        check(&["A", "b:A", "c:A", "d:bc"], 'd', Some(('A', 3)), "");
        check(&["a", "B:a", "c:a", "d:Bc"], 'd', Some(('B', 2)), "");
        check(&["A", "B:A", "c:A", "d:c", "e:dB"], 'e', Some(('B', 3)), "");
    }
}
