//! Writes the files of a submission into a folder, for work on a driver:
//! `cargo run -p functions --example show -- LANGUAGE SIGNATURE.json SOURCE FOLDER`. Without a source, shows the starter code.

use std::path::Path;
use std::{env, fs};

use domain::function::Declaration;
use functions::Drivers;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [id, signature, rest @ ..] = arguments.as_slice() else { panic!("see the first lines") };
    // As they are now, not as they were when this was compiled.
    let folder = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the drivers are there");
    let files = folder.map(|entry| entry.expect("an entry can be read").path());
    let files = files.filter(|file| file.extension().is_some_and(|it| it == "toml"));
    let texts: Vec<(String, String)> = files
        .filter(|file| !file.ends_with("Cargo.toml"))
        .map(|file| {
            let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(file).expect("a driver can be read"))
        })
        .collect();
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let drivers = match Drivers::parse(texts) {
        Ok(drivers) => drivers,
        Err(error) => panic!("{error:#?}"),
    };
    let driver = drivers.get(id).expect("there is a driver of this language");
    let text = fs::read_to_string(signature).expect("the signature can be read");
    let declaration: Declaration = serde_json::from_str(&text).expect("it is a declaration");
    let signature = declaration.read().expect("it is a signature");
    let [source, folder] = rest else {
        print!("{}", driver.starter(&signature).expect("the language has all types"));
        return;
    };
    let source = fs::read_to_string(source).expect("the source can be read");
    for (name, text) in driver.files(&signature, &source).expect("the source can be called") {
        fs::write(Path::new(folder).join(name), text).expect("the folder can be written to");
    }
}
