"""The comparison as one comment on a pull request, which is renewed and never repeated.

GitHub gives a pull request from a fork no right to write, and what its CI made is as trustworthy
as its author. So a workflow of its own runs this, from the main branch, on the finished CI's text.
Needs Python alone, and GitHub's `gh`:

    python3 -m headrace.ci.comment FILE
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from headrace.core import github

MARK = "<!-- headrace: the comparison -->"
MOST = 60_000
"""Letters: GitHub takes 65,536."""
OURS = ("<code>", "</code>")


def main() -> int:
    """Write the comment that the finished run of CI asks for; return the exit code."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))["workflow_run"]
    repository = os.environ["GITHUB_REPOSITORY"]
    number = _pull_request(repository, run)
    if number is None:
        print("No open pull request is at the commit of this run: nothing to say.")
        return 0
    if not (file := Path(sys.argv[1])).is_file():
        print("That run wrote no comparison: nothing to say.")
        return 0
    text = file.read_text("utf-8", "replace")
    body = f"{MARK}\n{harmless(text)}\n\n[All of it, as pages]({run['html_url']})\n"
    comments = f"repos/{repository}/issues/{number}/comments"
    mine = _mine(comments)
    if mine is None:
        github.api(comments, "--method", "POST", body=body)
    else:
        github.api(f"repos/{repository}/issues/comments/{mine}", "--method", "PATCH", body=body)
    print(f"Pull request {number}: the comment is {'new' if mine is None else 'renewed'}.")
    return 0


def harmless(text: str) -> str:
    """Return Markdown of ours as it is; of anyone's, with no link, picture, mention or tag left."""
    cut = text if len(text) <= MOST else text[: text.rfind("\n", 0, MOST)] + "\n\n… and more"
    return re.sub(r"</?code>|[@<\[\]!`\\]|://|\bwww\.|&(?!#\d+;)|(?<!&)#(?=\d)", _plain, cut)


def _plain(found: re.Match[str]) -> str:
    part = found[0]
    return part if part in OURS else "".join(f"&#{ord(letter)};" for letter in part)


def _pull_request(repository: str, run: dict[str, Any]) -> int | None:
    """Return the open pull request whose last commit the run was about."""
    head = f"{run['head_repository']['owner']['login']}:{run['head_branch']}"
    fields = ["-f", "state=open", "-f", f"head={head}"]
    found = json.loads(github.api(f"repos/{repository}/pulls", "--method", "GET", *fields))
    numbers = (int(one["number"]) for one in found if one["head"]["sha"] == run["head_sha"])
    return next(numbers, None)


def _mine(comments: str) -> int | None:
    """Return the id of the comment that an earlier run wrote."""
    said = github.api(comments, "--method", "GET", "--paginate", "-f", "per_page=100")
    for one in github.parse_pages(said):
        if one["user"]["type"] == "Bot" and one["body"].startswith(MARK):
            return int(one["id"])
    return None


if __name__ == "__main__":
    sys.exit(main())
