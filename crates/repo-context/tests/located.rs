//! Where the overview names the files that authors of real packages changed for real requests.
//!
//! The table is pinned: a change of the ranking shows in it, for better or worse.

use std::collections::BTreeMap;

use expect_test::expect_file;
use repo_context::{OVERVIEW_BYTES_MAX, of_base};
use testkit::{FolderWorkspace, Half, Located};

/// A token of paths and names has about four bytes, and at worst three.
const TOKEN_BYTES: [usize; 2] = [4, 3];
/// Tokens in which a file should be named.
const TOKENS: usize = 1_000;

/// Where the last of the fixed files is named: its line, the first file's being 1, and the byte behind its path.
fn place_of(overview: &str, fixed: &[String]) -> Option<(usize, usize)> {
    let mut end = 0;
    let mut places: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (number, line) in overview.lines().enumerate() {
        let path = line.split(": ").next().unwrap_or(line);
        places.entry(path).or_insert((number, end + path.len()));
        end += line.len() + 1;
    }
    let found: Option<Vec<(usize, usize)>> =
        fixed.iter().map(|it| places.get(&**it).copied()).collect();
    found?.into_iter().max()
}

#[tokio::test]
async fn files_of_real_fixes_are_named() {
    let mut table = String::new();
    let mut places: BTreeMap<Half, Vec<Option<(usize, usize)>>> = BTreeMap::new();
    for package in Located::all() {
        let files = package.files();
        for path in package.requests.iter().flat_map(|it| &it.fixed) {
            assert!(
                files.contains_key(path),
                "{}: {path} is not in the release",
                package.name
            );
        }
        // Nothing but Python is read; the rest is only counted.
        let bytes_of = |(path, bytes): (&String, &Vec<u8>)| match path.ends_with(".py") {
            true => (path.clone(), bytes.clone()),
            false => (path.clone(), Vec::new()),
        };
        let work = FolderWorkspace::new(files.iter().map(bytes_of));
        table += &format!(
            "{} ({} files, {:?})\n",
            package.name,
            files.len(),
            package.half
        );
        for request in &package.requests {
            let shown = of_base(&work, &request.task, OVERVIEW_BYTES_MAX).await;
            let overview = shown.expect("a folder can be read").overview;
            let place = place_of(&overview.unwrap_or_default(), &request.fixed);
            let words = match place {
                Some((line, end)) => format!("line {line}, byte {end}"),
                None => "not named".to_owned(),
            };
            table += &format!("    {:<32} {words}\n", request.name);
            places.entry(package.half).or_default().push(place);
        }
    }
    for (half, places) in &places {
        let count = |fits: &dyn Fn(&(usize, usize)) -> bool| {
            places.iter().flatten().filter(|it| fits(it)).count()
        };
        table += &format!("\n{half:?}: {} requests\n", places.len());
        for lines in [1, 5, 20, 40] {
            table += &format!(
                "    in the first {lines:>2}: {}\n",
                count(&|it| it.0 <= lines)
            );
        }
        for bytes in TOKEN_BYTES {
            let named = count(&|it| it.1 <= TOKENS * bytes);
            table += &format!("    within {TOKENS} tokens of {bytes} bytes: {named}\n");
        }
        table += &format!(
            "    at all, within {OVERVIEW_BYTES_MAX} bytes: {}\n",
            count(&|_| true)
        );
    }
    expect_file!["../../../fixtures/located/named.txt"].assert_eq(&table);
}
