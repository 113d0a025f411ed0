use domain::function::Declaration;

use super::*;

fn drivers() -> Drivers {
    Drivers::parse(BUILTIN.iter().copied()).unwrap_or_else(|error| panic!("{error:#?}"))
}

fn signature(declaration: &str) -> Signature {
    toml::from_str::<Declaration>(declaration).unwrap().read().unwrap()
}

/// Signatures with every type that the driver has.
fn signatures(driver: &Driver) -> Vec<Signature> {
    let types = [
        "bool",
        "int",
        "long",
        "bigint",
        "float",
        "char",
        "string",
        "int[][]",
        "int?",
        "map<string, int>",
        "tuple<int, string>",
        "Point",
        "ListNode",
        "TreeNode",
        "TreeNode[]",
        "Node<neighbors>",
        "Node<children>",
        "Node<random>",
    ];
    let fields = r#"structs = [{ name = "Point", fields = [{ name = "in", type = "int" }, { name = "y", type = "float" }] }]"#;
    let mut signatures = vec![];
    for of in types {
        let param =
            format!(r#"[{{ name = "in", type = "{of}" }}, {{ name = "b", type = "int[]" }}]"#);
        for declared in [
            format!("function = \"twoSum\"\nreturns = \"{of}\"\nparams = {param}\n{fields}"),
            format!(
                "function = \"f\"\nparams = {param}\noutput = {{ argument = \"in\" }}\n{fields}"
            ),
            format!(
                "function = \"f\"\nreturns = \"int\"\nparams = {param}\noutput = {{ prefix = \"b\" }}\n{fields}"
            ),
            format!(
                "class = \"Cache\"\nparams = {param}\nmethods = [{{ name = \"get\", returns = \"{of}\" }}, {{ name = \"put\", params = {param} }}]\n{fields}"
            ),
        ] {
            let signature = signature(&declared);
            if driver.check(&signature).is_ok() {
                signatures.push(signature);
            }
        }
    }
    signatures
}

#[test]
fn every_driver_renders_every_signature_that_it_offers() {
    for driver in drivers().all() {
        let signatures = signatures(driver);
        assert!(signatures.len() >= 30, "{} offers {}", driver.id(), signatures.len());
        for signature in signatures {
            let starter = driver.starter(&signature).unwrap();
            let files = driver.files(&signature, &starter).unwrap();
            let (main, glue) = files.last().unwrap();
            assert_eq!(main, driver.main());
            for text in [&starter, glue] {
                // A column that cannot be rendered is an error in brackets.
                assert!(!text.contains("error"), "{}: {text}", driver.id());
            }
            assert!(
                starter.contains(signature.name())
                    || starter.contains("two_sum")
                    || starter.contains("TwoSum"),
                "{}: {starter}",
                driver.id()
            );
        }
    }
}

#[test]
fn a_driver_is_like_another_except_for_what_it_says() {
    let drivers = drivers();
    let (cpp, newer) = (drivers.get("cpp").unwrap(), drivers.get("cpp23").unwrap());
    assert_ne!(cpp.compile(), newer.compile());
    let signature = signature("function = \"f\"\nreturns = \"int\"");
    assert_eq!(cpp.starter(&signature), newer.starter(&signature));
}

#[test]
fn the_starter_code_is_what_authors_know() {
    let declared = signature(
        r#"
        function = "twoSum"
        params = [{ name = "nums", type = "int[]" }, { name = "target", type = "int" }]
        returns = "int[]"
        "#,
    );
    let drivers = drivers();
    let starter = |id: &str| drivers.get(id).unwrap().starter(&declared).unwrap();
    let python = "class Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n        pass\n";
    assert_eq!(starter("python3"), python);
    let cpp = "class Solution {\npublic:\n    vector<int> twoSum(vector<int>& nums, int target) {\n\n    }\n};\n";
    assert_eq!(starter("cpp"), cpp);
}
