//! Environments that builds have written to, in small.

use super::*;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(tree: &[&str], installed: &[(&str, &str)]) -> World {
        let world = World {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        for path in tree {
            world.write(&format!("copy/{path}"), &format!("# {path}"));
        }
        let mut record = String::new();
        for (path, text) in installed {
            world.write(&format!("site/{path}"), text);
            record += &format!("{path},sha256=x,1\n");
        }
        world.write("site/x-1.dist-info/RECORD", &record);
        let url = format!(r#"{{"url": "file://{}"}}"#, world.path("copy").display());
        world.write("site/x-1.dist-info/direct_url.json", &url);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

#[track_caller]
fn check(tree: &[&str], installed: &[(&str, &str)], expected: Result<(&[&str], &[&str]), &str>) {
    let world = World::new(tree, installed);
    let all = tree.iter().map(|it| (*it).to_owned()).collect();
    let taken = take_apart(
        &world.path("site"),
        world.folder.path(),
        &world.path("copy"),
        &all,
    );
    let left = installed.iter().map(|it| it.0);
    let left: Vec<&str> = left
        .filter(|it| world.path("site").join(it).exists())
        .collect();
    match (taken, expected) {
        (Ok(roots), Ok((expected_roots, expected_left))) => {
            assert_eq!(roots, expected_roots);
            assert_eq!(left, expected_left);
        }
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
        (taken, _) => panic!("{taken:?}"),
    }
}

#[test]
fn sources_of_the_tree_go_and_what_the_build_made_stays() {
    check(
        &[
            "src/pkg/__init__.py",
            "src/pkg/a.py",
            "src/pkg/fast.c",
            "tests/test_a.py",
            "docs/a.py",
        ],
        &[
            ("pkg/__init__.py", "#"),
            ("pkg/a.py", "#"),
            ("pkg/_version.py", "v"),
            ("pkg/fast.so", "elf"),
        ],
        Ok((&["src"], &["pkg/_version.py", "pkg/fast.so"])),
    );
}

#[test]
fn a_flat_layout_and_several_roots_are_found() {
    check(
        &["pkg/__init__.py", "mod.py"],
        &[("pkg/__init__.py", "#"), ("mod.py", "#")],
        Ok((&[""], &[])),
    );
    check(
        &["a/x/__init__.py", "b/y/__init__.py", "b/y/z.py"],
        &[
            ("x/__init__.py", "#"),
            ("y/__init__.py", "#"),
            ("y/z.py", "#"),
        ],
        Ok((&["b", "a"], &[])),
    );
}

#[test]
fn a_file_under_another_name_is_refused_because_changes_would_not_be_seen() {
    check(
        &["lib/mod.py"],
        &[("pkg/mod.py", "# lib/mod.py")],
        Err("installs `lib/mod.py` as `pkg/mod.py`"),
    );
}

#[test]
fn editable_links_into_the_copy_become_roots() {
    let world = World::new(&["src/pkg/a.py"], &[]);
    let copy = world.path("copy");
    world.write(
        "site/__editable__.x-1.pth",
        &format!("{}\n", copy.join("src").display()),
    );
    world.write("site/other.pth", "/elsewhere\n");
    world.write(
        "site/__editable___y_finder.py",
        &format!("MAPPING = {{'pkg': '{}'}}", copy.join("lib/pkg").display()),
    );
    let tree = BTreeSet::from(["src/pkg/a.py".to_owned()]);
    let roots = take_apart(&world.path("site"), world.folder.path(), &copy, &tree)
        .expect("it can be taken apart");
    assert_eq!(roots, ["lib", "src"]);
    assert!(world.path("site/other.pth").exists());
    assert!(!world.path("site/__editable__.x-1.pth").exists());
}

#[test]
fn what_is_neither_file_nor_folder_goes_before_anything_is_read_or_written() {
    let world = World::new(&["pkg/a.py"], &[("pkg/b.py", "#")]);
    world.write("outside/a.py", "the user's");
    let site = world.path("site");
    let link = |name: &str, target: &str| {
        std::os::unix::fs::symlink(world.path(target), site.join(name)).expect("a link");
    };
    link("linked", "outside");
    link("pipeline_tree.py", "outside/a.py");
    let pipe = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, site.join("x.pth"), kind, pipe, 0).expect("a pipe");
    make_plain(&world.path(""), &site).expect("it becomes plain");
    hang_hook(&site).expect("the hook hangs");
    let mut left: Vec<_> = fs::read_dir(&site)
        .expect("the packages")
        .map(|it| {
            it.expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            "pipeline_tree.pth",
            "pipeline_tree.py",
            "pkg",
            "x-1.dist-info"
        ]
    );
    let outside = fs::read_to_string(world.path("outside/a.py")).expect("still there");
    assert_eq!(outside, "the user's");
}

#[test]
fn a_folder_of_packages_that_is_a_link_is_refused() {
    let world = World::new(&[], &[]);
    world.write("outside/a.py", "the user's");
    let site = world.path("site2");
    std::os::unix::fs::symlink(world.path("outside"), &site).expect("a link");
    let refused = make_plain(&world.path(""), &site);
    assert!(
        matches!(refused, Err(BuiltError::Elsewhere(_))),
        "{refused:?}"
    );
}
