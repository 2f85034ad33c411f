//! Patches as models write them, applied to real files.

use expect_test::{Expect, expect};
use protocol::Workspace;
use testkit::FolderWorkspace;

use super::*;
use crate::answer::Answer;
use crate::edits::apply;

const FILE: &str = "class A:\n    def run(self):\n        x = 1\n        return x\n\n\nclass B:\n    def run(self):\n        x = 1\n        return x\n";

/// Applies a patch to `a.py` and shows the answer and the difference it made, lines that stay left out.
#[track_caller]
fn check_in(file: &str, patch: &str, want: &Expect) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made");
    let shown = runtime.block_on(async {
        let work = FolderWorkspace::new([("a.py", file)]);
        let done = match parse(patch) {
            Ok(edits) => apply(&work, &edits).await,
            Err(refusal) => Err(refusal),
        };
        let answer = done.unwrap_or_else(|refusal| Answer::refuses(&refusal));
        let change = work.change().await.expect("a folder has a difference");
        let differs = |it: &&str| !it.starts_with(' ');
        let lines: Vec<&str> = change.patch.lines().filter(differs).collect();
        format!("{}\n{}", answer.text, lines.join("\n"))
    });
    want.assert_eq(&shown);
}

#[track_caller]
fn check(body: &str, want: &Expect) {
    check_in(FILE, &format!("*** Begin Patch\n{body}*** End Patch"), want);
}

#[test]
fn a_header_says_which_of_two_places_is_meant() {
    check(
        "*** Update File: a.py\n@@ class B:\n     def run(self):\n-        x = 1\n+        x = 2\n",
        &expect![[r#"
            edited a.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -6,5 +6,5 @@
            -        x = 1
            +        x = 2"#]],
    );
}

#[test]
fn without_a_header_two_places_are_refused() {
    check(
        "*** Update File: a.py\n     def run(self):\n-        x = 1\n+        x = 2\n",
        &expect![[r#"
            could not patch `a.py`: hunk 1 fits at lines 2, 8 (add context, or an `@@` line with the function or class it is in)
        "#]],
    );
}

#[test]
fn spaces_at_the_ends_of_context_lines_do_not_matter_and_stay() {
    check_in(
        "a = 1  \nb = 2\n",
        "*** Begin Patch\n*** Update File: a.py\n@@\n a = 1\n-b = 2\n+b = 3\n*** End Patch\n",
        &expect![[r#"
            edited a.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -1,2 +1,2 @@
            -b = 2
            +b = 3"#]],
    );
}

#[test]
fn several_hunks_and_files_in_one_patch() {
    check(
        "*** Update File: a.py\n@@ class A:\n@@ def run(self):\n-        x = 1\n+        x = 5\n         return x\n\
         @@ class B:\n     def run(self):\n+        # again\n         x = 1\n\
         *** Add File: pkg/new.py\n+y = 1\n+\n+z = 2\n",
        &expect![[r#"
            edited a.py
            created pkg/new.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -1,10 +1,11 @@
            -        x = 1
            +        x = 5
            +        # again
            diff --git a/pkg/new.py b/pkg/new.py
            new file mode 100644
            --- /dev/null
            +++ b/pkg/new.py
            @@ -0,0 +1,3 @@
            +y = 1
            +
            +z = 2"#]],
    );
}

#[test]
fn lines_are_added_below_a_header_and_at_the_end() {
    check(
        "*** Update File: a.py\n@@ class A:\n+    name = 'a'\n@@\n+\n+last = 1\n",
        &expect![[r#"
            edited a.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -1,4 +1,5 @@
            +    name = 'a'
            @@ -8,3 +9,5 @@
            +
            +last = 1"#]],
    );
}

#[test]
fn the_end_of_the_file_tells_two_places_apart() {
    check(
        "*** Update File: a.py\n@@\n         x = 1\n-        return x\n+        return 7\n*** End of File\n",
        &expect![[r#"
            edited a.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -7,4 +7,4 @@
            -        return x
            +        return 7"#]],
    );
}

#[test]
fn a_missing_last_line_feed_stays_missing() {
    check_in(
        "a = 1\nb = 2",
        "*** Begin Patch\n*** Update File: a.py\n a = 1\n-b = 2\n+b = 3\n*** End Patch",
        &expect![[r#"
            edited a.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -1,2 +1,2 @@
            -b = 2
            \ No newline at end of file
            +b = 3
            \ No newline at end of file"#]],
    );
}

#[test]
fn a_file_is_moved_or_deleted() {
    check(
        "*** Update File: a.py\n*** Move to: b.py\n",
        &expect![[r#"
        deleted a.py
        created b.py
        diff --git a/a.py b/a.py
        deleted file mode 100644
        --- a/a.py
        +++ /dev/null
        @@ -1,10 +0,0 @@
        -class A:
        -    def run(self):
        -        x = 1
        -        return x
        -
        -
        -class B:
        -    def run(self):
        -        x = 1
        -        return x
        diff --git a/b.py b/b.py
        new file mode 100644
        --- /dev/null
        +++ b/b.py
        @@ -0,0 +1,10 @@
        +class A:
        +    def run(self):
        +        x = 1
        +        return x
        +
        +
        +class B:
        +    def run(self):
        +        x = 1
        +        return x"#]],
    );
    check(
        "*** Delete File: a.py\n",
        &expect![[r#"
        deleted a.py
        diff --git a/a.py b/a.py
        deleted file mode 100644
        --- a/a.py
        +++ /dev/null
        @@ -1,10 +0,0 @@
        -class A:
        -    def run(self):
        -        x = 1
        -        return x
        -
        -
        -class B:
        -    def run(self):
        -        x = 1
        -        return x"#]],
    );
}

#[test]
fn a_here_document_around_the_patch_is_passed_over() {
    check_in(
        "a = 1\n",
        "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: ./a.py\n@@ -1,1 +1,1 @@\n-a = 1\n+a = 2\n*** End Patch\nEOF\n",
        &expect![[r#"
            edited a.py
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -1 +1 @@
            -a = 1
            +a = 2"#]],
    );
}

#[test]
fn context_that_is_not_there_is_refused_with_the_nearest_lines() {
    check(
        "*** Update File: a.py\n@@ class A:\n     def run(self, y):\n-        x = 3\n+        x = 4\n",
        &expect![[r#"
            could not patch `a.py`: hunk 1 does not occur in it (read the file again; context lines must be copied exactly)
            The nearest lines are:
            2	    def run(self):
            3	        x = 1
        "#]],
    );
    check(
        "*** Update File: a.py\n@@ class C:\n-x\n+y\n",
        &expect![[r#"
        could not patch `a.py`: hunk 1 does not occur in it (read the file again; context lines must be copied exactly)
        The nearest lines are:
        1	class A:
    "#]],
    );
}

#[test]
fn what_is_not_a_patch_is_refused() {
    let check = |patch: &str, want: Expect| check_in("a = 1\n", patch, &want);
    check(
        "",
        expect![[r#"
        could not read the patch at its line 1: there is no `*** Begin Patch`
    "#]],
    );
    check(
        "--- a.py\n+++ a.py\n@@ -1 +1 @@\n",
        expect![[r#"
        could not read the patch at its line 1: there is no `*** Begin Patch`
    "#]],
    );
    check(
        "*** Begin Patch\n*** End Patch",
        expect![[r#"
        could not read the patch at its line 1: it changes nothing
    "#]],
    );
    check(
        "*** Begin Patch\n*** Update File: a.py\n-a = 1\n+a",
        expect![[r#"
        could not read the patch at its line 4: it ends without `*** End Patch`: was it cut off?
    "#]],
    );
    check(
        "*** Begin Patch\n*** Rename File: a.py\n*** End Patch",
        expect![[r#"
        could not read the patch at its line 2: expected `*** Update File: `, `*** Add File: `, `*** Delete File: ` or `*** End Patch`
    "#]],
    );
    check(
        "*** Begin Patch\n*** Add File: b.py\nx = 1\n*** End Patch",
        expect![[r#"
        could not read the patch at its line 3: every line of an added file begins with `+`
    "#]],
    );
    check(
        "*** Begin Patch\n*** Update File: a.py\n*** End Patch",
        expect![[r#"
        could not read the patch at its line 2: the update has no lines
    "#]],
    );
    check(
        "*** Begin Patch\n*** Update File: a.py\na = 1\n*** End Patch",
        expect![[r#"
        could not read the patch at its line 3: a line of a hunk begins with a space, `-` or `+`
    "#]],
    );
    check(
        "*** Begin Patch\n*** Update File: a.py\n a = 1\n*** End Patch",
        expect![[r#"
        could not edit `a.py`: the new text is the same as the old
    "#]],
    );
    check(
        "*** Begin Patch\n*** Add File: ../b.py\n+x\n*** End Patch",
        expect![[r#"
            could not use `../b.py`: it is outside the repository or passes through a symbolic link (paths start at the root of the repository, as in `src/app.py`)
        "#]],
    );
}
