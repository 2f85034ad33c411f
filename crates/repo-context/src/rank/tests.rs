//! What each part of the ranking adds.

use super::*;
use crate::facts::Facts;

fn files(of: &[(&str, &str)]) -> Vec<File> {
    let file = |(path, text): &(&str, &str)| File {
        path: (*path).to_owned(),
        part: Part::of(path),
        facts: Part::of(path).is_read().then(|| Facts::of(text)),
    };
    of.iter().map(file).collect()
}

#[track_caller]
fn check(of: &[(&str, &str)], task: &str, want: &[&str]) {
    let files = files(of);
    let mut ranking = Ranking::new(&files, &Wanted::of(task));
    ranking.spread(&files);
    let order: Vec<&str> = ranking
        .order(&files)
        .iter()
        .map(|it| &*files[*it].path)
        .collect();
    assert_eq!(order, want, "{task}");
}

#[test]
fn a_rare_word_counts_more_than_a_frequent_one() {
    check(
        &[
            ("a.py", "common common common"),
            ("b.py", "common rare"),
            ("c.py", "common"),
            ("d.py", "common"),
        ],
        "common rare",
        &["b.py", "a.py", "c.py", "d.py"],
    );
}

#[test]
fn a_long_file_is_not_better_for_its_length() {
    let long = format!("{} word", "filler ".repeat(500));
    check(
        &[("a.py", &long), ("b.py", "filler word")],
        "word",
        &["b.py", "a.py"],
    );
}

#[test]
fn names_and_paths_count_more_than_words() {
    check(
        &[
            ("a.py", "# lazy loader of things"),
            ("b.py", "class LazyLoader: ..."),
            ("z/loader.py", "lazy"),
        ],
        "The lazy loader fails",
        &["z/loader.py", "b.py", "a.py"],
    );
    check(
        &[
            ("a.py", "Widget.a\nWidget.b\nWidget.c"),
            ("b.py", "x = 1\nclass Widget: ..."),
        ],
        "A widget: `Widget`",
        &["b.py", "a.py"],
    );
}

#[test]
fn what_the_best_files_import_comes_before_what_nobody_does() {
    check(
        &[
            ("a.py", "nothing"),
            ("b.py", "nothing"),
            ("c.py", "import b\nword"),
        ],
        "word",
        &["c.py", "b.py", "a.py"],
    );
}

#[test]
fn tests_documents_and_strangers_code_are_left_out() {
    check(
        &[
            ("a.py", ""),
            ("tests/test_word.py", "word"),
            ("docs/word.py", "word"),
            ("_vendor/word.py", "word"),
            ("word.txt", "word"),
        ],
        "word",
        &["a.py"],
    );
}

#[test]
fn tests_are_found_by_the_names_of_the_best_files() {
    let files = files(&[
        ("pkg/cart.py", "basket"),
        ("pkg/money.py", ""),
        ("tests/test_a.py", ""),
        ("tests/test_cart.py", ""),
        ("tests/cart_data.py", ""),
        ("tests/test_money.py", ""),
    ]);
    let ranking = Ranking::new(&files, &Wanted::of("basket"));
    let order = ranking.order(&files);
    let tests: Vec<&str> = ranking
        .tests(&files, &order[..2])
        .iter()
        .map(|it| &*files[*it].path)
        .collect();
    assert_eq!(
        tests,
        [
            "tests/test_cart.py",
            "tests/test_money.py",
            "tests/test_a.py"
        ]
    );
}
