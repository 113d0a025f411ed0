//! Checks that the files of a crate do not import each other in circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, UseTree};

use super::architecture::{read, root, workspace};

/// The crates that consist of tests.
const TEST_CRATES: [&str; 2] = ["tests", "simulation"];

/// Types that name each other because the GraphQL schema is a graph.
const GRAPH: &str = "graphql/src/nodes/";

/// The crate root among a crate's modules.
const ROOT: usize = 0;

/// The most imports that lead from a path to its item. Modules may import each other's names in
/// circles.
const IMPORTS_MAX: usize = 16;

/// The names in a path, such as `crate`, `problem`, `Bounds`.
type Names = Vec<String>;

/// For each file, the files whose items it uses, with these items' names.
type Uses = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

#[test]
fn no_files_of_a_crate_import_each_other_in_circles() {
    let metadata = workspace();
    let mut found = Vec::new();
    for package in metadata.packages.iter().filter(|it| !TEST_CRATES.contains(&it.name.as_str())) {
        for target in package.targets.iter().filter(|it| it.is_lib() || it.is_bin()) {
            let uses = Crate::read(target.src_path.as_std_path()).uses();
            let circles = circles(&uses).into_iter().filter(|it| !is_of_graph(it));
            found.extend(circles.map(|circle| describe(&circle, &uses)));
        }
    }
    assert!(found.is_empty(), "files import each other in circles:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_through_parents_macros_and_what_the_root_exports() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A; #[cfg(test)] mod tests { use super::*; }"),
        ("a.rs", "mod child; pub struct A; fn f() { println!(\"{}\", child::VALUE) }"),
        ("a/child.rs", "pub const VALUE: &str = crate::b::VALUE;"),
        ("b.rs", "use super::A; pub const VALUE: &str = \"\"; fn f(_: A) {}"),
        ("c.rs", "use crate::{A, b::VALUE}; #[cfg(test)] mod tests { use super::*; }"),
    ];
    fs::create_dir(folder.path().join("a")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let uses = Crate::read(&folder.path().join("lib.rs")).uses();
    let circle = ["a.rs", "a/child.rs", "b.rs"].map(|name| folder.path().join(name));
    let circle = circle.iter().map(PathBuf::as_path).collect();
    assert_eq!(circles(&uses), BTreeSet::from([circle]));
}

/// The circles: sets of files each of which uses all others, directly or through others.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<&Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        uses.keys().map(|file| (file.as_path(), reached_from(file, uses))).collect();
    let with_themselves = reached.iter().filter(|(file, reached)| reached.contains(*file));
    let circles = with_themselves.map(|(file, others)| {
        let back = |other: &&&Path| reached.get(**other).is_some_and(|it| it.contains(file));
        others.iter().filter(back).copied().collect()
    });
    circles.collect()
}

/// The files that a file uses, directly or through others. It is one of them if it is in a circle.
fn reached_from<'a>(file: &'a Path, uses: &'a Uses) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        let used = uses.get(file).into_iter().flat_map(BTreeMap::keys);
        next.extend(used.map(PathBuf::as_path).filter(|used| reached.insert(*used)));
    }
    reached
}

/// Whether all files of the circle hold types of the schema.
fn is_of_graph(circle: &BTreeSet<&Path>) -> bool {
    let graph = root().join(GRAPH);
    circle.iter().all(|file| file.starts_with(&graph) && !file.ends_with("mod.rs"))
}

/// Which file of a circle uses what of which other, a line for each pair.
fn describe(circle: &BTreeSet<&Path>, uses: &Uses) -> String {
    let mut lines = format!("{} files:\n", circle.len());
    let shown = |path: &Path| path.strip_prefix(root()).unwrap_or(path).display().to_string();
    for file in circle {
        for (used, items) in uses[*file].iter().filter(|(used, _)| circle.contains(used.as_path()))
        {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            let line = format!("  {} uses {} of {}\n", shown(file), items.join(", "), shown(used));
            lines.push_str(&line);
        }
    }
    lines
}

/// The modules of a crate, without its tests.
struct Crate {
    /// The first is the crate root.
    modules: Vec<Module>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    /// The folder of its children's files.
    folder: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// The names of the items that it defines.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// The other paths in its code, from their first name on.
    paths: BTreeSet<Names>,
}

struct Import {
    /// The name in this module; `*` for all names of a module or an enum.
    name: String,
    path: Names,
    /// Other modules see the name here. Like `mod`, that alone uses nothing.
    is_public: bool,
}

/// What a path leads to.
enum Place {
    Module,
    Item { module: usize, name: String },
}

impl Crate {
    /// Reads the files of a crate, beginning with its root, `lib.rs` or `main.rs`.
    fn read(file: &Path) -> Self {
        let folder = file.parent().expect("a source is in a folder").to_owned();
        let root = Module { file: file.to_owned(), folder, ..Module::default() };
        let mut reader = Reader { modules: vec![root], module: ROOT };
        reader.visit_file(&parse(file));
        Self { modules: reader.modules }
    }

    /// Which files use which. What the crate root defines is left out: it is above all others.
    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (from, module) in self.modules.iter().enumerate() {
            let imports = module.imports.iter().filter(|it| !it.is_public).map(|it| &it.path);
            for path in imports.chain(&module.paths) {
                if let Some(Place::Item { module: to, name }) = self.find(from, path, 0) {
                    let used = &self.modules[to].file;
                    if *used != module.file && *used != self.modules[ROOT].file {
                        let uses = uses.entry(module.file.clone()).or_default();
                        uses.entry(used.clone()).or_default().insert(name);
                    }
                }
            }
        }
        uses
    }

    /// Finds what a path in a module leads to. `None` if that is outside of the crate.
    fn find(&self, from: usize, path: &[String], imports: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => ROOT,
            "self" => from,
            "super" => self.modules[from].parent?,
            _ => return self.find_below(from, path, imports),
        };
        match rest.first() {
            Some(name) if name == "super" => self.find(start, rest, imports),
            _ => {
                let found = self.find_below(start, rest, imports);
                Some(found.unwrap_or_else(|| unseen(start, &rest[0])))
            }
        }
    }

    /// Finds what a path leads to that begins with a name in the module.
    fn find_below(&self, module: usize, path: &[String], imports: usize) -> Option<Place> {
        let Some((name, rest)) = path.split_first() else { return Some(Place::Module) };
        let here = &self.modules[module];
        match here.children.get(name) {
            // Modules come first in the middle of a path and last at its end.
            Some(child) if !rest.is_empty() => {
                let found = self.find_below(*child, rest, imports);
                Some(found.unwrap_or_else(|| unseen(*child, &rest[0])))
            }
            _ if here.items.contains(name) => Some(Place::Item { module, name: name.clone() }),
            child => self.find_imported(module, path, imports).or(child.map(|_| Place::Module)),
        }
    }

    /// Finds what a path leads to that begins with a name that the module imports.
    fn find_imported(&self, module: usize, path: &[String], imports: usize) -> Option<Place> {
        if imports == IMPORTS_MAX {
            return None;
        }
        let follow = |import: &Import| {
            let rest = if import.name == "*" { path } else { &path[1..] };
            self.find(module, &[&import.path, rest].concat(), imports + 1)
        };
        let all = &self.modules[module].imports;
        let named = all.iter().filter(|it| it.name == path[0]);
        named.chain(all.iter().filter(|it| it.name == "*")).find_map(follow)
    }
}

/// An item that cannot be seen here, because a macro defines it.
fn unseen(module: usize, name: &str) -> Place {
    Place::Item { module, name: name.to_owned() }
}

/// Collects the modules of a crate from its files.
struct Reader {
    modules: Vec<Module>,
    /// The module that is being read.
    module: usize,
}

impl Reader {
    fn here(&mut self) -> &mut Module {
        &mut self.modules[self.module]
    }

    fn import(&mut self, tree: &UseTree, mut path: Names, is_public: bool) {
        let name = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.import(&tree.tree, path, is_public);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|it| self.import(it, path.clone(), is_public));
            }
            UseTree::Glob(_) => "*".to_owned(),
            UseTree::Name(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                path.last().expect("an import has a name").clone()
            }
            UseTree::Rename(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                tree.rename.to_string()
            }
        };
        self.here().imports.push(Import { name, path, is_public });
    }

    /// Collects the paths from the text of a macro.
    fn read_tokens(&mut self, mut cursor: Cursor) {
        while let Some((_, next)) = cursor.token_tree() {
            if let Some((within, ..)) = cursor.any_group() {
                self.read_tokens(within);
                cursor = next;
            } else if cursor.punct().is_some_and(|(it, _)| it.as_char() == '.') {
                // A field or a method follows.
                cursor = next.ident().map_or(next, |(_, next)| next);
            } else if let Some((first, next)) = cursor.ident() {
                let mut path = vec![first.to_string()];
                cursor = next;
                while let Some((name, next)) = name_after_colons(cursor) {
                    path.push(name);
                    cursor = next;
                }
                self.here().paths.insert(path);
            } else {
                cursor = next;
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Const(it) => (&it.attrs, Some(&it.ident)),
            Item::Enum(it) => (&it.attrs, Some(&it.ident)),
            Item::Fn(it) => (&it.attrs, Some(&it.sig.ident)),
            Item::Impl(it) => (&it.attrs, None),
            Item::Macro(it) => (&it.attrs, it.ident.as_ref()),
            Item::Mod(it) => (&it.attrs, None),
            Item::Static(it) => (&it.attrs, Some(&it.ident)),
            Item::Struct(it) => (&it.attrs, Some(&it.ident)),
            Item::Trait(it) => (&it.attrs, Some(&it.ident)),
            Item::Type(it) => (&it.attrs, Some(&it.ident)),
            Item::Union(it) => (&it.attrs, Some(&it.ident)),
            Item::Use(it) => (&it.attrs, None),
            _ => return,
        };
        if !is_test(attributes) {
            self.here().items.extend(name.map(ToString::to_string));
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !matches!(item, ImplItem::Fn(it) if is_test(&it.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        let above = self.module;
        let folder = self.here().folder.join(&name);
        let file = if item.content.is_some() {
            self.here().file.clone()
        } else {
            let file = folder.with_extension("rs");
            if file.exists() { file } else { folder.join("mod.rs") }
        };
        self.module = self.modules.len();
        self.modules[above].children.insert(name, self.module);
        let module =
            Module { file: file.clone(), folder, parent: Some(above), ..Module::default() };
        self.modules.push(module);
        if item.content.is_some() {
            visit::visit_item_mod(self, item);
        } else {
            self.visit_file(&parse(&file));
        }
        self.module = above;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            let is_public = !matches!(item.vis, syn::Visibility::Inherited);
            self.import(&item.tree, Names::new(), is_public);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|it| it.ident.to_string()).collect();
            self.here().paths.insert(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.read_tokens(TokenBuffer::new2(call.tokens.clone()).begin());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.read_tokens(TokenBuffer::new2(list.tokens.clone()).begin());
        }
    }
}

/// The name that follows `::`, and what follows the name.
fn name_after_colons(cursor: Cursor) -> Option<(String, Cursor)> {
    let (first, next) = cursor.punct()?;
    let (second, next) = next.punct()?;
    let (name, next) = next.ident()?;
    (first.as_char() == ':' && second.as_char() == ':').then(|| (name.to_string(), next))
}

/// Whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|it| {
        it.path().is_ident("test")
            || it.path().is_ident("cfg")
                && it.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn parse(file: &Path) -> syn::File {
    syn::parse_file(&read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
