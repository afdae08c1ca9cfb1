"""Makes the pictures of docs/images anew, in a lab of its own: `python -m tests.pictures`, or `make pictures`."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import FloatRect, Page, ViewportSize

from deployments.apply import apply
from deployments.lab import lab, orchestrator
from tests.test_browser import browsing, open_form, see_the_end, submit

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
MENU = 256  # pixels of Prefect's menu, left of the form
FORM, REPORT, INBOX = (
    ViewportSize(width=1366, height=810),
    ViewportSize(width=1066, height=1080),
    ViewportSize(width=920, height=1),  # its whole height, whatever it is
)


def main() -> None:
    """Run the restore test on a truncated backup and on a good one, and take pictures on the way."""
    with ExitStack() as stack:
        running = stack.enter_context(lab.running())
        lab.attach(running.variables)
        apply("lab")
        stack.enter_context(orchestrator.worker(running.guarded, running.variables))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        page = stack.enter_context(browsing(folder))
        for backup, state in ((running.backups.truncated, "Unfulfilled"), (running.backups.good, "Passed")):
            open_form(page, running.addresses["prefect"])
            picture_of_the_form(page)
            submit(page, backup)
            see_the_end(page, state)
        page.set_viewport_size(INBOX)
        page.goto(running.addresses["inbox"])
        page.screenshot(path=FOLDER / "inbox.png", full_page=True)
        page.set_viewport_size(REPORT)
        page.get_by_role("article").filter(has_text="✕ Falhou").get_by_role("link", name="Relatório").click()
        page.screenshot(path=FOLDER / "report.png")


def picture_of_the_form(page: Page) -> None:
    """Take the picture of an empty form, without Prefect's menu."""
    page.set_viewport_size(FORM)
    page.locator(".schema-form-property").last.wait_for()
    clip = FloatRect(x=MENU, y=0, width=FORM["width"] - MENU, height=FORM["height"])
    page.screenshot(path=FOLDER / "form.png", clip=clip, animations="disabled")  # else it is caught fading in


if __name__ == "__main__":
    main()
