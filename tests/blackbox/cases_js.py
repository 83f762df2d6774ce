"""The JavaScript SDK v3, installed by npm into the cache folder at first use."""
import hashlib
import os
import shutil
import subprocess

from harness import BOTH, Skip, case, run_tool
from cases_tools import environment

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")


def modules():
    """The folder whose node_modules has the SDK."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise Skip(f"JavaScript SDK v3: {tool} is not installed")
    with open(os.path.join(HERE, "package.json"), "rb") as file:
        wanted = file.read()
    cache = os.environ.get("CREEL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "creel")
    folder = os.path.join(cache, "js-" + hashlib.sha256(wanted).hexdigest()[:12])
    if os.path.exists(os.path.join(folder, "installed")):
        return folder
    if os.path.exists(os.path.join(folder, "failed")):
        raise Skip("JavaScript SDK v3: npm could not install it (remove " + folder + " to try again)")
    os.makedirs(folder, exist_ok=True)
    shutil.copy(os.path.join(HERE, "package.json"), folder)
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, capture_output=True,
                          text=True, timeout=400)
    if done.returncode != 0:
        open(os.path.join(folder, "failed"), "w", encoding="utf-8").close()
        raise Skip("JavaScript SDK v3: npm could not install it: " + done.stderr[-200:])
    open(os.path.join(folder, "installed"), "w", encoding="utf-8").close()
    return folder


def run_js(t, name):
    folder = modules()
    run_tool(["node", os.path.join(HERE, "cases.mjs"), t.server.url, t.bucket, name],
             environment(CREEL_JS_MODULES=folder))


@case(BOTH)
def case_put_get_list_delete(t):
    run_js(t, "put_get_list_delete")


@case(BOTH)
def case_stream_of_known_length(t):
    run_js(t, "stream_of_known_length")


@case(BOTH)
def case_upload_of_a_stream(t):
    run_js(t, "upload_of_a_stream")


@case(BOTH)
def case_conditional_create(t):
    run_js(t, "conditional_create")
