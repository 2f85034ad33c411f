//! A change as it is shown to a reviewer: the text of it, without the bodies of binary files.

/// The diff with each binary body replaced by a line that says so.
pub(crate) fn without_binary_bodies(patch: &str) -> String {
    let mut shown = String::with_capacity(patch.len());
    let mut inside = false;
    for line in patch.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            inside = false;
        }
        if inside {
            continue;
        }
        if line.trim_end() == "GIT binary patch" {
            inside = true;
            shown.push_str("(binary content, not shown)\n");
        } else {
            shown.push_str(line);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binary_bodies_are_left_out() {
        let patch = "\
diff --git a/a.png b/a.png
index 1..2 100644
GIT binary patch
literal 1
IcmZQz00962

diff --git a/a.py b/a.py
@@ -1 +1 @@
-GIT binary patch
+one
";
        assert_eq!(
            without_binary_bodies(patch),
            "\
diff --git a/a.png b/a.png
index 1..2 100644
(binary content, not shown)
diff --git a/a.py b/a.py
@@ -1 +1 @@
-GIT binary patch
+one
"
        );
    }
}
