"""Fits a tool's result to what a model should read."""

import json

from mcp.types import CallToolResult, ContentBlock, TextContent

MAX_RESULT_BYTES = 256 * 1024


def capped(result: CallToolResult, limit: int = MAX_RESULT_BYTES) -> CallToolResult:
    """``result`` with at most ``limit`` bytes of content; where it is cut, a note to the model."""
    left = limit
    kept: list[ContentBlock] = []
    for block in result.content:
        size = len(block.model_dump_json()) if not isinstance(block, TextContent) else 0
        if isinstance(block, TextContent):
            text = cut_text(block.text, left)
            kept.append(block if text is block.text else block.model_copy(update={"text": text}))
            left -= min(left, len(block.text.encode()))
        elif size <= left:
            kept.append(block)
            left -= size
        else:
            note = f"[a {block.type} of {size} bytes was left out: too large]"
            kept.append(TextContent(type="text", text=note))
    return result.model_copy(update={"content": kept})


def readable(result: CallToolResult, limit: int = MAX_RESULT_BYTES) -> CallToolResult:
    """``result`` as a model can read it, capped: one that is nothing but structured gets a text."""
    if not result.content and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
        content: list[ContentBlock] = [TextContent(type="text", text=text)]
        result = result.model_copy(update={"content": content})
    return capped(result, limit)


def cut_text(text: str, limit: int = MAX_RESULT_BYTES) -> str:
    """``text`` itself if it has at most ``limit`` UTF-8 bytes, else its start and a note."""
    if len(text) * 4 <= limit or len(data := text.encode()) <= limit:
        return text
    kept = data[: max(limit, 0)].decode(errors="ignore")
    return f"{kept}\n[cut here: {len(data)} bytes, of which {limit} are shown. Ask for less.]"


def as_text(result: CallToolResult) -> str:
    """A result as one string: its text, or JSON where there is more to it than text."""
    result = capped(result)
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    if len(texts) == len(result.content) and (texts or result.structured_content is None):
        return "\n".join(texts)
    if not result.content:
        return cut_text(json.dumps(result.structured_content, ensure_ascii=False))
    blocks = [block.model_dump(by_alias=True, exclude_none=True) for block in result.content]
    return json.dumps(blocks, ensure_ascii=False, default=str)


def error_text(result: CallToolResult, limit: int = 4096) -> str:
    """The words of a result that the server marked as an error."""
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    return cut_text("\n".join(texts), limit) or "The tool failed without saying why."
