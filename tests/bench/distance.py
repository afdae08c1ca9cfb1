"""A network between this process and a server on it: bytes arrive later, as over a line of so many milliseconds."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

PIECE: Final = 65536


@contextmanager
def away(ports: tuple[int, ...], *, round_trip_seconds: float) -> Iterator[dict[int, int]]:
    """Lend, for each port of this machine, another one behind which it is so far away."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="distance", daemon=True)
    thread.start()
    try:
        yield {
            port: asyncio.run_coroutine_threadsafe(_serve(port, round_trip_seconds), loop).result() for port in ports
        }
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(port: int, round_trip_seconds: float) -> int:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(round_trip_seconds)  # TCP's own handshake
        there, back = await asyncio.open_connection("127.0.0.1", port)
        for end in (writer, back):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_pass(reader, back, round_trip_seconds / 2), _pass(there, writer, round_trip_seconds / 2))

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    found: int = server.sockets[0].getsockname()[1]
    return found


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Give on what comes, so much later, and that nothing more comes."""
    loop = asyncio.get_running_loop()
    arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    giving = asyncio.create_task(_give(arriving, writer))
    with suppress(OSError):
        while data := await reader.read(PIECE):
            arriving.put_nowait((loop.time() + seconds, data))
    arriving.put_nowait((loop.time() + seconds, b""))
    await giving


async def _give(arriving: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while True:
            at, data = await arriving.get()
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            if not data:
                break
            writer.write(data)
        writer.close()


async def _end() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
