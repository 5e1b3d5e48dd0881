//! Installs what the tests need from the package registries into `.real`, in the versions that are
//! checked in. Run again, it does nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::repo::Repo;

/// The kit's folder with what is to be installed.
const KIT: &str = "crates/testkit/real";
/// Each has a `package.json` and a `package-lock.json` in the kit.
const NPM_GROUPS: [&str; 7] =
    ["servers", "inspector", "conformance", "sdk", "oidc", "browser", "saml"];
/// SimpleSAMLphp's own start page, which nothing but its package has.
const SIMPLESAMLPHP: &str = "/usr/share/simplesamlphp/www/saml2/idp/SSOService.php";
const PHP: [&str; 5] = ["simplesamlphp", "php-cli", "php-xml", "php-mbstring", "php-curl"];
/// The newest that was run here; older ones do not read this lock file.
const CARGO_DENY: &str = "0.20.2";
const CARGO_NEXTEST: &str = "0.9.143";
/// Unpacks every archive in the current folder; nothing of it may land elsewhere.
const UNPACK: &str = "import glob, tarfile\n\
     for name in glob.glob('*.tar.gz'):\n    tarfile.open(name).extractall(filter='data')";
/// Written last into an installed folder: what it was installed from.
const STAMP: &str = ".installed-from";

/// Installs everything that is missing.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    cargo_nextest(repo)?;
    cargo_deny(repo)?;
    for group in NPM_GROUPS {
        npm(repo, group)?;
    }
    need(repo, "chromium", &["--version"], &["chromium"])?;
    python(repo)?;
    sdist(repo)?;
    saml(repo)
}

/// cargo-deny in the version that reads our files, from `PATH` or built into `.real/cargo`.
pub(crate) fn cargo_deny(repo: &Repo) -> Result<()> {
    let present = repo.shell("cargo-deny").args(["--version"]).output().unwrap_or_default();
    if present.trim() == format!("cargo-deny {CARGO_DENY}") {
        println!("cargo-deny {CARGO_DENY}: here");
        return Ok(());
    }
    cargo_install(repo, "cargo-deny", CARGO_DENY)
}

/// Any cargo-nextest will do, and one is built where there is none.
fn cargo_nextest(repo: &Repo) -> Result<()> {
    match repo.shell("cargo-nextest").args(["nextest", "--version"]).output() {
        Ok(said) => {
            println!("{}: here", said.lines().next().unwrap_or("cargo-nextest"));
            Ok(())
        }
        Err(_) => cargo_install(repo, "cargo-nextest", CARGO_NEXTEST),
    }
}

fn cargo_install(repo: &Repo, name: &str, version: &str) -> Result<()> {
    println!("{name} {version}: is built from source, which takes a few minutes");
    let root = repo.real().join("cargo");
    // Unoptimized: it works for two seconds, and takes a third of the time to build.
    let words = ["install", name, "--debug", "--locked", "--version", version, "--root"];
    repo.cargo().args(words).args([&root]).run()
}

/// One group of npm packages, exactly as its lock file says, without running their scripts.
fn npm(repo: &Repo, group: &str) -> Result<()> {
    let source = repo.join(KIT).join("npm").join(group);
    let target = repo.real().join("npm").join(group);
    let manifest = read(&source.join("package.json"))?;
    let lock = read(&source.join("package-lock.json"))?;
    let wanted = format!("{manifest}{lock}");
    if installed_from(&target, &wanted) {
        println!("npm {group}: here");
        return Ok(());
    }
    need(repo, "npm", &["--version"], &["nodejs", "npm"])?;
    fs::create_dir_all(&target).with_context(|| format!("make {}", target.display()))?;
    write(&target.join("package.json"), &manifest)?;
    write(&target.join("package-lock.json"), &lock)?;
    let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    repo.shell("npm").args(words).within(&target).run()?;
    write(&target.join(STAMP), &wanted)
}

/// A Python environment with exactly what the kit's requirements name.
fn python(repo: &Repo) -> Result<()> {
    let requirements = repo.join(KIT).join("python/requirements.txt");
    let target = repo.real().join("venv");
    let wanted = read(&requirements)?;
    if installed_from(&target, &wanted) && target.join("bin/python").exists() {
        println!("Python environment: here");
        return Ok(());
    }
    let at_least = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    need(repo, "python3", &["-c", at_least], &["python3", "python3-venv"])?;
    repo.shell("python3").args(["-m", "venv", "--clear"]).args([&target]).run()?;
    let pip = || repo.shell(target.join("bin/python")).args(["-m", "pip"]);
    let words = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    pip().args(words).args([&requirements]).run()?;
    pip().args(["check"]).run()?;
    write(&target.join(STAMP), &wanted)
}

/// Source distributions, unpacked: what their wheels leave out. Nothing of them is built.
fn sdist(repo: &Repo) -> Result<()> {
    let requirements = repo.join(KIT).join("python/sdist.txt");
    let target = repo.real().join("sdist");
    let wanted = read(&requirements)?;
    if installed_from(&target, &wanted) {
        println!("source distributions: here");
        return Ok(());
    }
    if target.exists() {
        fs::remove_dir_all(&target).with_context(|| format!("remove {}", target.display()))?;
    }
    fs::create_dir_all(&target).with_context(|| format!("make {}", target.display()))?;
    let python = || repo.shell(repo.real().join("venv/bin/python")).within(&target);
    let words = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
    let only = ["--no-binary", "mcp", "--require-hashes", "--requirement"];
    python().args(words).args(only).args([&requirements]).run()?;
    python().args(["-c", UNPACK]).run()?;
    write(&target.join(STAMP), &wanted)
}

/// What SAML is tested with: a provider that is a product, another implementation of its signatures, and
/// what makes keys.
fn saml(repo: &Repo) -> Result<()> {
    need(repo, "xmlsec1", &["--version"], &["xmlsec1"])?;
    need(repo, "openssl", &["version"], &["openssl"])?;
    need(repo, "php", &["-r", "exit(extension_loaded('dom') ? 0 : 1);"], &PHP)?;
    need(repo, "ls", &[SIMPLESAMLPHP], &PHP)?;
    println!("xmlsec1, openssl, SimpleSAMLphp: here");
    Ok(())
}

/// Sees that a program works; as root on Debian its packages are installed.
fn need(repo: &Repo, program: &str, probe: &[&str], packages: &[&str]) -> Result<()> {
    let works = || repo.shell(program).args(probe).output();
    let Err(cause) = works() else { return Ok(()) };
    let packages = packages.join(" ");
    let root = repo.shell("id").args(["-u"]).output().is_ok_and(|id| id.trim() == "0");
    if !root || repo.shell("apt-get").args(["--version"]).output().is_err() {
        bail!("{program} is needed and does not work: {cause}; install {packages}, or the like");
    }
    repo.shell("apt-get").args(["update", "-q"]).run()?;
    let words = ["install", "-y", "-q", "--no-install-recommends"];
    let apt = repo.shell("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt.args(words).args(packages.split(' ')).run()?;
    works().map(drop).with_context(|| format!("use {program} after installing {packages}"))
}

fn installed_from(target: &Path, wanted: &str) -> bool {
    fs::read_to_string(target.join(STAMP)).is_ok_and(|stamp| stamp == wanted)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn write(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}
