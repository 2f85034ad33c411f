//! Overviews of small and large trees.

use expect_test::{Expect, expect};
use testkit::FolderWorkspace;

use super::*;

#[track_caller]
fn check(files: &[(&str, &str)], task: &str, bytes_max: usize, want: &Expect) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made");
    let work = FolderWorkspace::new(files.iter().copied());
    let shown = runtime.block_on(overview(&work, task, bytes_max));
    let shown = shown.expect("a folder can be listed").unwrap_or_default();
    assert!(shown.len() <= bytes_max, "{} bytes", shown.len());
    want.assert_eq(&shown);
}

const FILES: &[(&str, &str)] = &[
    ("README.md", "# Shop\n"),
    ("shop/__init__.py", ""),
    (
        "shop/cart.py",
        "class Cart:\n    def add(self): ...\n    def _x(self): ...\n\ndef total(): ...\n",
    ),
    ("shop/money.py", "def round_price(value): ...\n"),
    ("shop/admin/views.py", "def index(): ...\n"),
    ("tests/test_cart.py", "def test_add(): ...\n"),
];

#[test]
fn files_near_the_root_come_first_and_tests_last() {
    check(
        FILES,
        "Make it better",
        4096,
        &expect![[r#"
        6 files, 5 of them Python. Files by folder: shop 4, . 1, tests 1.
        shop/__init__.py
        shop/cart.py: Cart(add) total
        shop/money.py: round_price
        shop/admin/views.py: index
        tests/test_cart.py: test_add
    "#]],
    );
}

#[test]
fn files_the_task_speaks_of_come_first() {
    check(
        FILES,
        "The cart loses items",
        4096,
        &expect![[r#"
        6 files, 5 of them Python. Files by folder: shop 4, . 1, tests 1.
        shop/cart.py: Cart(add) total
        tests/test_cart.py: test_add
        shop/__init__.py
        shop/money.py: round_price
        shop/admin/views.py: index
    "#]],
    );
    check(
        FILES,
        "Crash in shop.admin.views",
        4096,
        &expect![[r#"
        6 files, 5 of them Python. Files by folder: shop 4, . 1, tests 1.
        shop/admin/views.py: index
        shop/__init__.py
        shop/cart.py: Cart(add) total
        shop/money.py: round_price
        tests/test_cart.py: test_add
    "#]],
    );
    check(
        FILES,
        "`round_price` rounds half down",
        4096,
        &expect![[r#"
        6 files, 5 of them Python. Files by folder: shop 4, . 1, tests 1.
        shop/money.py: round_price
        shop/__init__.py
        shop/cart.py: Cart(add) total
        shop/admin/views.py: index
        tests/test_cart.py: test_add
    "#]],
    );
}

#[test]
fn a_small_budget_takes_the_first_files_only() {
    check(
        FILES,
        "`round_price` rounds half down",
        120,
        &expect![[r#"
        6 files, 5 of them Python. Files by folder: shop 4, . 1, tests 1.
        shop/money.py: round_price
        shop/__init__.py
    "#]],
    );
}

#[test]
fn an_empty_tree_has_no_overview() {
    check(&[], "Write a calculator", 4096, &expect![[""]]);
}

#[test]
fn names_that_look_like_code_are_found() {
    let names =
        names_of("Call `add` or total() in CartView, not Some_Thing or the API; __init__ 3d_x.");
    let names: Vec<&str> = names.into_iter().collect();
    expect!["CartView Some_Thing add total"].assert_eq(&names.join(" "));
}

#[test]
fn a_large_repository_is_read_in_part() {
    let body = "def f(): ...\n".repeat(3_000);
    let files: Vec<(String, &str)> = (0..100).map(|it| (format!("m{it}.py"), &*body)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, *text)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made");
    let work = FolderWorkspace::new(files.iter().copied());
    let shown = runtime.block_on(overview(&work, "", 1 << 20));
    let shown = shown.expect("a folder can be listed").unwrap_or_default();
    let parsed = shown.lines().filter(|it| it.contains(": f f")).count();
    assert_eq!(parsed, PARSED_BYTES_MAX / body.len());
    assert_eq!(shown.lines().count(), 1 + READ_FILES_MAX);
}
