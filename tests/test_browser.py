"""What a person sees: the form in Prefect, the run's end, its notice, and the report behind the notice's link."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Error, Page, Response, ViewportSize, expect, sync_playwright

from deployments.lab import programs, slack
from deployments.lab.lab import Lab
from deployments.lab.slack import LabSlack
from tasks.adapters.slack import SlackApi
from tasks.core.secret import Secret
from tasks.notices.message import Message, end_of_run
from tasks.reports.html import to_html
from tasks.reports.plots import to_png
from tasks.reports.standard import layout
from tasks.settings import Slack
from tests.tasks.notices.documents import LINKS, REPORT_KEY, document
from tests.tasks.reports.charts import RTO, RTO_IN_WORDS

PROGRAMS = tuple(programs.find(name) for name in ("chromium", "libatomic"))
MISSING = "; ".join(f"{program.name}: {program.missing}" for program in PROGRAMS if program.path is None)
OPTIONS = (
    "--no-sandbox",  # Chromium's own does not start as root; it opens nothing but loopback
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = ViewportSize(width=1366, height=768)
STEP, RUN = 30_000.0, 120_000.0  # milliseconds
CREATED, BUSY = 201, 503  # SQLite is busy when a server has just started: a person presses the button again


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """Yield a page of a browser that keeps everything in `folder`; when the block fails, its picture stays there."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(dir=folder) as home:
        for name, value in {"HOME": home, "TMPDIR": home, **PROGRAMS[1].environ}.items():
            patch.setenv(name, value)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=PROGRAMS[0].path, args=OPTIONS, env=dict(os.environ))
            page = browser.new_page(viewport=SIZE, locale="pt-BR", timezone_id="America/Sao_Paulo")
            page.set_default_timeout(STEP)
            try:
                yield page
            except (AssertionError, Error) as error:
                page.screenshot(path=folder / "failed.png", full_page=True)
                error.add_note(f"the page as it was then: {folder / 'failed.png'}")
                raise
            finally:
                browser.close()


def open_form(page: Page, prefect: str) -> None:
    """Find the restore test among the deployments, and open the form of a run."""
    page.goto(f"{prefect}/deployments")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="backup-restore-test", exact=True))
    row.get_by_role("link", name="lab", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("link", name="Custom run", exact=True).click()


def submit(page: Page, backup: str) -> str:
    """Ask for a run with this backup; return the address of the run's page, which is then open."""
    page.locator(".schema-form-property textarea").nth(2).fill(backup)
    deadline = time.monotonic() + STEP / 1000
    while (answer := _submit(page)).status == BUSY:
        assert time.monotonic() < deadline, "the server was busy for too long"
    assert answer.status == CREATED
    run = f"{page.url.partition('/deployments')[0]}/runs/flow-run/{answer.json()['id']}"
    page.goto(run)
    return run


def _submit(page: Page) -> Response:
    with page.expect_response("**/create_flow_run") as answer:
        page.get_by_role("button", name="Submit", exact=True).click()
    return answer.value


def see_the_end(page: Page, state: str) -> None:
    """Wait on a run's page until it shows this state."""
    expect(page.get_by_text(state, exact=True).first).to_be_visible(timeout=RUN)


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_person_fills_in_the_form_sees_the_run_pass_and_reads_notice_and_report(server: Lab, tmp_path: Path) -> None:
    with browsing(tmp_path) as page:
        open_form(page, server.addresses["prefect"])
        the_form_is_portuguese(page)
        run = submit(page, server.backups.good)
        see_the_end(page, "Passed")
        report = the_notice_is_in_the_inbox(page, server, run)
        the_report_opens_and_loads_nothing_else(page, report, server.backups.good)


def the_form_is_portuguese(page: Page) -> None:
    expect(page.locator(".schema-form-property__label")).to_have_text(
        ["Ambiente", "Banco (Optional)", "Backup a testar (Optional)", "Data (Optional)"]
    )
    expect(page.locator(".schema-form-property__description")).to_have_text(
        [
            "Nome de um ambiente (por exemplo production), ou caminho de um arquivo TOML.",
            "Nome de um banco configurado. Vazio: todos, ou o dono do backup pedido.",
            "Chave do objeto no bucket de backups. Vazio: o mais recente.",
            "O mais recente que chegou até este dia (AAAA-MM-DD). Vazio: até agora.",
        ]
    )
    expect(page.locator(".schema-form-property textarea").nth(0)).to_have_value("lab")
    expect(page.locator(".schema-form-property textarea").nth(1)).to_have_value("")


def the_notice_is_in_the_inbox(page: Page, server: Lab, run: str) -> str:
    """Return the address of the report that the notice points to."""
    page.goto(server.addresses["inbox"])
    notice = page.get_by_role("article").filter(has_text=f"Execução: {run.rpartition('/')[2]}")
    expect(notice.get_by_role("heading", level=4)).to_have_text(
        "✓ Tudo certo · Teste de restauração de backup · laboratório"
    )
    expect(notice.get_by_role("link", name="Execução no Prefect")).to_have_attribute("href", run)
    checked = "fora do contrato: nenhum" if server.people.contract else "Contrato do Slack: não conferido"
    expect(page.get_by_text(checked)).to_be_visible()
    assert server.people.faults == []
    address = notice.get_by_role("link", name="Relatório com as provas").get_attribute("href")
    assert address
    return address


def the_report_opens_and_loads_nothing_else(page: Page, address: str, backup: str) -> None:
    requests: list[str] = []
    complaints: list[str] = []  # what the page's own policy forbids to load is said here
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    answer = page.goto(address, wait_until="networkidle")
    assert answer
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    expect(page.get_by_role("heading", level=1)).to_have_text("Teste de restauração de backup")
    expect(page.locator(".verdict")).to_have_text("Tudo certo")
    expect(page.locator(".summary")).to_contain_text(f"{backup} foi restaurado por inteiro: 6 tabelas")
    assert (requests, complaints) == ([address], [])


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_chart_is_seen_below_its_notice_and_in_its_report(tmp_path: Path) -> None:
    told = document(duty="trial")
    report = tmp_path / "report.html"
    report.write_text(to_html(told.title, layout(told, (), (), charts=(RTO,))), encoding="utf-8")
    with slack.running() as people, browsing(tmp_path) as page:
        notify(people, end_of_run(told, LINKS, REPORT_KEY))
        for address in (people.inbox_url, report.as_uri()):
            page.goto(address)
            picture = page.get_by_role("img", name=RTO_IN_WORDS)
            expect(picture).to_be_visible()
            assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [1200, 540]


def notify(people: LabSlack, notice: Message) -> None:
    """Send a notice with a chart."""
    channels = {"operations": "#ops-assist"}
    section = Slack(token="env:T", webhook="env:W", channels=channels, base_url=people.address)  # noqa: S106 - references
    api = SlackApi(section, Secret(slack.TOKEN))
    thread = api.post("#ops-assist", notice.text, notice.blocks, notice.key)
    api.upload("#ops-assist", thread, "rto.png", to_png(RTO), title=RTO.title, description=RTO_IN_WORDS)
