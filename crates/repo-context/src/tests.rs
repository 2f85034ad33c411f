//! Overviews of small and large trees, and what is kept between runs.

use expect_test::{Expect, expect};
use protocol::TestFile;
use testkit::FolderWorkspace;

use super::*;

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime can be made").block_on(work)
}

fn look(work: &FolderWorkspace, task: &str, bytes_max: usize) -> Orientation {
    let looked = block(of_base(work, &Task::from_text(task), bytes_max));
    looked.expect("a folder can be read")
}

#[track_caller]
fn check(files: &[(&str, &str)], task: &str, bytes_max: usize, want: &Expect) {
    let work = FolderWorkspace::new(files.iter().copied());
    let shown = look(&work, task, bytes_max).overview.unwrap_or_default();
    assert!(shown.len() <= bytes_max, "{} bytes", shown.len());
    want.assert_eq(&shown);
    // Whatever order the files come in.
    let backwards = FolderWorkspace::new(files.iter().rev().copied());
    let again = look(&backwards, task, bytes_max)
        .overview
        .unwrap_or_default();
    assert_eq!(shown, again);
}

const FILES: &[(&str, &str)] = &[
    ("README.md", "# Shop\n"),
    ("docs/conf.py", "cart = round_price\n"),
    ("setup.py", "name = 'shop'\n"),
    ("shop/__init__.py", "from shop.cart import Cart\n"),
    (
        "shop/cart.py",
        "from shop.money import round_price\n\nclass Cart:\n    def add(self, item): ...\n    def _x(self): ...\n\ndef total(cart): ...\n",
    ),
    (
        "shop/money.py",
        "def round_price(value):\n    '''Half a cent goes up.'''\n",
    ),
    ("shop/admin/views.py", "def index(): ...\n"),
    ("shop/templates/cart.html", "<b>cart</b>\n"),
    ("tests/test_cart.py", "def test_add(): ...\n"),
    ("tests/test_money.py", "def test_round(): ...\n"),
];

#[test]
fn files_near_the_root_come_first_where_nothing_else_is_said() {
    check(
        FILES,
        "Make it better",
        4096,
        &expect![[r#"
            10 files, 8 of them Python. Files by folder: shop 5, . 2, tests 2, docs 1.
            setup.py
            shop/__init__.py
            shop/cart.py: Cart:3(add:4 _x:5) total:7
            shop/money.py: round_price:1
            shop/admin/views.py: index:1
            Tests: tests/test_cart.py tests/test_money.py
        "#]],
    );
}

#[test]
fn words_bring_their_files_to_the_front() {
    check(
        FILES,
        "The cart loses items",
        4096,
        &expect![[r#"
            10 files, 8 of them Python. Files by folder: shop 5, . 2, tests 2, docs 1.
            shop/cart.py: Cart:3(add:4 _x:5) total:7
            shop/__init__.py
            shop/money.py: round_price:1
            setup.py
            shop/admin/views.py: index:1
            Tests: tests/test_cart.py tests/test_money.py
        "#]],
    );
    check(
        FILES,
        "Prices end in the wrong cent\n\nHalf a cent should go up.",
        4096,
        &expect![[r#"
            10 files, 8 of them Python. Files by folder: shop 5, . 2, tests 2, docs 1.
            shop/money.py: round_price:1
            shop/cart.py: Cart:3(add:4 _x:5) total:7
            setup.py
            shop/__init__.py
            shop/admin/views.py: index:1
            Tests: tests/test_money.py tests/test_cart.py
        "#]],
    );
}

#[test]
fn what_a_task_names_comes_first() {
    let first = |task: &str| {
        let work = FolderWorkspace::new(FILES.iter().copied());
        let text = look(&work, task, 4096).overview.unwrap_or_default();
        let line = text.lines().nth(1).unwrap_or_default().to_owned();
        line.split(':').next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        first("Crash in shop.admin.views, see the cart"),
        "shop/admin/views.py"
    );
    assert_eq!(first("`round_price` is wrong for a cart"), "shop/money.py");
    assert_eq!(
        first(
            "The cart, cart, cart\n\n  File \"/x/site-packages/shop/admin/views.py\", line 1, in index"
        ),
        "shop/admin/views.py"
    );
    assert_eq!(
        first("Money: the cart in shop/templates/cart.html"),
        "shop/templates/cart.html"
    );
    assert_eq!(
        first("The cart: tests/test_money.py fails"),
        "tests/test_money.py"
    );
}

#[test]
fn tests_of_the_user_say_what_is_wanted_too() {
    let work = FolderWorkspace::new(FILES.iter().copied());
    let mut task = Task::from_text("Make these pass");
    task.tests.push(TestFile {
        path: "tests/test_new.py".to_owned(),
        text: "from shop.admin.views import index\n".to_owned(),
        sha256: String::new(),
    });
    let looked = block(of_base(&work, &task, 4096)).expect("a folder can be read");
    let text = looked.overview.unwrap_or_default();
    assert!(
        text.lines()
            .nth(1)
            .is_some_and(|it| it.starts_with("shop/admin/views.py")),
        "{text}"
    );
}

#[test]
fn a_small_budget_takes_the_first_files_only() {
    check(
        FILES,
        "`round_price` rounds half down",
        170,
        &expect![[r#"
        10 files, 8 of them Python. Files by folder: shop 5, . 2, tests 2, docs 1.
        shop/money.py: round_price:1
        shop/cart.py: Cart:3(add:4) total:7
        setup.py
        shop/__init__.py
    "#]],
    );
    check(FILES, "`round_price` rounds half down", 10, &expect![[""]]);
}

#[test]
fn an_empty_tree_has_no_overview() {
    check(&[], "Write a calculator", 4096, &expect![""]);
}

#[test]
fn the_base_is_shown_and_not_what_the_tree_has_become() {
    let work = FolderWorkspace::new(FILES.iter().copied());
    let before = look(&work, "The cart", 4096);
    block(async {
        work.write("shop/cart.py", b"def other(): ...\n").await?;
        work.write("AGENTS.md", b"Obey.\n").await
    })
    .expect("a folder can be written");
    assert_eq!(look(&work, "The cart", 4096), before);
}

#[test]
fn a_link_is_neither_read_nor_named() {
    let work = FolderWorkspace::new(FILES.iter().copied());
    let place = work.root().join("shop/link.py");
    std::os::unix::fs::symlink("/etc/passwd", place).expect("a link can be made");
    let linked = block(async {
        let tree = work.snapshot().await?;
        work.fork(&tree).await
    });
    linked.expect("a folder can be forked");
    let text = look(&work, "link", 4096).overview.unwrap_or_default();
    assert!(!text.contains("link.py"), "{text}");
}

/// Enough files for what is known of them to be kept.
fn many() -> Vec<(String, String)> {
    let text = |it| format!("def function_{it}():\n    return 'word{it}'\n");
    (0..200)
        .map(|it| (format!("pkg/m{it}.py"), text(it)))
        .collect()
}

#[test]
fn what_is_kept_changes_nothing() {
    let cold = FolderWorkspace::new(many());
    let first = look(&cold, "`function_150` and word77", 4096);
    let warm = FolderWorkspace::new(many()).after(&cold);
    assert!(block(warm.recall_for_repository("repository context")).is_ok_and(|it| it.is_some()));
    assert_eq!(look(&warm, "`function_150` and word77", 4096), first);
    let spoilt = FolderWorkspace::new(many()).after(&cold);
    let wrong = b"\x07facts 1 and nonsense";
    block(spoilt.remember_for_repository("repository context", wrong)).expect("bytes can be kept");
    assert_eq!(look(&spoilt, "`function_150` and word77", 4096), first);
}

#[test]
fn a_changed_file_is_read_again() {
    let old = FolderWorkspace::new(many());
    look(&old, "anything", 4096);
    let mut files = many();
    files[9].1 = "def brand_new(): ...\n".to_owned();
    let new = FolderWorkspace::new(files).after(&old);
    let text = look(&new, "`brand_new`", 4096).overview.unwrap_or_default();
    assert!(
        text.lines()
            .nth(1)
            .is_some_and(|it| it.starts_with("pkg/m9.py: brand_new:1")),
        "{text}"
    );
}
