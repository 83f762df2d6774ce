"""The command line and the configuration: nonsense is refused, with its place."""
import os
import re
import stat
import subprocess

from harness import ACCESS_KEY, SECRET_KEY, boto_client, case, check, equal, json_lines


def creel(t, *words, env=None):
    full = {k: v for k, v in os.environ.items() if not k.startswith(("CREEL_", "NOTIFY_"))}
    full.update(env or {})
    done = subprocess.run([t.ground.binary, *words], capture_output=True, text=True, timeout=60, env=full,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def write(t, text):
    path = os.path.join(t.ground.folder("config"), "creel.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@case()
def case_check_good(t):
    folder = t.ground.folder("data")
    path = write(t, f'role = "edge"\ndata = "{folder}"\nlisten = "127.0.0.1:9999"\n[s3]\nregion = "eu-here-1"\n')
    equal(creel(t, "config", "check", path)[:2], (0, "ok\n"))
    code, shown, _ = creel(t, "config", "show", path, env={"CREEL_REGION": "from-env-1"})
    equal(code, 0)
    check('region = "from-env-1"' in shown, "the environment wins over the file", shown)
    check('listen = "127.0.0.1:9999"' in shown, "the file wins over the default", shown)
    # What is shown can be read again.
    equal(creel(t, "config", "check", write(t, shown))[0], 0)


@case()
def case_show_hides_secrets(t):
    path = write(t, f'data = "{t.ground.folder("data")}"\n')
    code, shown, said = creel(t, "config", "show", path, env={"CREEL_ROOT_ACCESS_KEY": ACCESS_KEY,
                                                             "CREEL_ROOT_SECRET_KEY": SECRET_KEY})
    equal(code, 0)
    check(SECRET_KEY not in shown + said, "no secret is shown")
    path = write(t, f'data = "{t.ground.folder("data")}"\n[s3]\nowners = [{{ id = "1", access_key = "AKOWNER", '
                    'secret_key = "sesame-sesame" }]\n')
    code, shown, said = creel(t, "config", "show", path)
    equal(code, 0)
    check("AKOWNER" in shown and "sesame" not in shown + said, "an owner is shown without the secret", shown)


@case()
def case_an_owner_is_not_root(t):
    server = t.own_server(config=f'[s3]\nowners = [{{ id = "1", access_key = "{ACCESS_KEY}", secret_key = "x" }}]\n')
    code, said = server.start_refused()
    check(code != 0 and "is the root key" in said and "'1'" in said, "the root key stays root's", code, said[-300:])


@case()
def case_nonsense_has_a_place(t):
    for text, place, words in (
            ('role = "edge"\ncolour = "red"\n', "line 2, column 1", "colour"),
            ('[s3]\n  regio = "x"\n', "line 2, column 3", "s3.regio"),
            ('listen = 9000\n', "line 1, column", "listen"),
            ('[limits]\nconnections = "many"\n', "line 2, column", "limits.connections"),
            ('[limits]\nconnections = 0\n', "line 2, column", "limits.connections"),
            ('listen = "nowhere"\n', "line 1, column", "listen"),
            ('role = "king"\n', "line 1, column", "role"),
            ('role = "edge\n', "line 1", ""),
            ('role = "edge"\n[s3\nregion = "x"\n', "line 2", ""),
            ('role = "edge"\nrole = "core"\n', "line 2", "role"),
            ('= 5\n', "line 1", ""),
            ('data = ["a", 5]\n', "line 1, column", "data"),
            ('[s3]\nowners = [ { id = "1", access_key = "a" } ]\n', "line 2, column", "secret_key"),
            ('[[s3.owners]]\nid = "1"\nname = "x"\n', "line", "owners"),
            ('tls = "yes"\n', "line 1, column", "tls")):
        path = write(t, text)
        for verb in (("config", "check", path), ("serve", "--config", path)):
            code, _, said = creel(t, *verb)
            check(code not in (0, 2), "refused", text, code, said)
            check(path in said and place in said and words in said, "names file, line and key", text, said)
            check(len(said.strip().splitlines()) == 1, "in one line", said)


@case()
def case_what_only_the_whole_tells(t):
    folder = t.ground.folder("data")
    for text, words in (("", "data"), (f'data = ["{folder}", "{folder}x"]\n', "one folder"),
                        (f'role = "core"\ndata = ["{folder}", "{folder}"]\n', "twice"),
                        (f'data = "{folder}"\nlisten = "0.0.0.0:9000"\n', "insecure_listen"),
                        (f'data = "{folder}"\n[tls]\ncert = "c.pem"\n', "key"),
                        (f'data = "{folder}"\n[tls]\ncert = "/none/c.pem"\nkey = "/none/k.pem"\n', "/none/c.pem")):
        path = write(t, text)
        if "/none" in text:
            code, _, said = creel(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
        else:
            code, _, said = creel(t, "config", "check", path)
        check(code not in (0, 2) and words in said, "refused", text, code, said)


@case()
def case_command_line(t):
    for words in ((), ("frobnicate",), ("serve", "--no-such-flag", "x"), ("serve", "extra"), ("config",), ("serve", "--data")):
        code, _, said = creel(t, *words)
        check(code != 0 and said, "refused", words, code, said)
    equal(creel(t, "help")[0], 0)
    code, out, _ = creel(t, "version")
    check(code == 0 and re.match(r"creel \d+\.\d+", out), "the version", out)
    code, _, said = creel(t, "serve", "--data", t.ground.folder("x"), "--listen", "127.0.0.1:99999")
    check(code != 0 and "--listen" in said, "a port out of bounds", said)
    code, _, said = creel(t, "config", "check", "/none/creel.toml")
    check(code != 0 and "/none/creel.toml" in said, "a missing file is named", said)
    code, _, said = creel(t, "serve", "--data", t.ground.folder("x"), env={"CREEL_ROOT_ACCESS_KEY": "A" * 20})
    check(code != 0 and "CREEL_ROOT_SECRET_KEY" in said, "half a key", said)


@case()
def case_port_in_use(t):
    server = t.own_server().start()
    code, _, said = creel(t, "serve", "--data", t.ground.folder("x"), "--listen", f"127.0.0.1:{server.port}")
    check(code == 1 and str(server.port) in said, "names the address", code, said)


@case()
def case_first_start_makes_a_key(t):
    server = t.own_server(credentials=False).start()
    started = [line for line in json_lines(server.log()) if line["event"] == "listening"][0]
    path = started["root_key_written_to"]
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    access = re.search(r"access_key[^=]*=\s*\"?([^\s\"]+)", text).group(1)
    secret = re.search(r"secret_(?:access_)?key[^=]*=\s*\"?([^\s\"]+)", text).group(1)
    check(secret not in server.log(), "the secret is not in the log")
    check(len(secret) >= 32, "long enough", len(secret))
    client = boto_client(server.url, access, secret)
    client.create_bucket(Bucket="mine")
    server.stop()
    server.start()
    equal([b["Name"] for b in boto_client(server.url, access, secret).list_buckets()["Buckets"]], ["mine"])
    other = t.own_server(credentials=False).start()
    with open(json_lines(other.log())[-1]["root_key_written_to"], encoding="utf-8") as file:
        check(secret not in file.read(), "another store, another key")
    server.stop()
    with open(path, "w", encoding="utf-8") as file:
        file.write("nonsense\n")
    code, said = server.start_refused()
    check(code == 1 and path in said, "a broken file is named", code, said[-300:])
