using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Host.Http;
using Tempo.Host.Mcp;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A message for the MCP server, whose endpoint has seen to it that it is Unicode. Holds: whatever is JSON gets an answer that is JSON-RPC
/// with the question's id and either a result or an error, or is a notification; the same message is answered alike.
/// </summary>
internal sealed class McpTarget : IFuzzTarget
{
    private readonly McpServer _server = new(
        [new McpTool("echo", "Says what it was told.", [new McpParameter("query", "Anything.", true)], static (_, arguments, _) =>
            Task.FromResult(arguments.TryRequire("query", out var text, out var wrong)
                ? new McpResult(text, "echo", "json", "1")
                : wrong))],
        McpDocs.Resources, new MetricRegistry());

    public string Name => "mcp";

    public IReadOnlyList<byte[]> Dictionary { get; } = Array.ConvertAll(
        [
            "\"jsonrpc\":\"2.0\"", "\"method\":", "\"initialize\"", "\"ping\"", "\"tools/list\"", "\"tools/call\"", "\"resources/list\"",
            "\"resources/read\"", "\"resources/templates/list\"",
            "\"id\":1", "\"id\":null", "\"id\":\"a\"", "\"params\":", "\"arguments\":", "\"name\":\"echo\"", "\"query\":",
            "\"uri\":\"docs://traceql/basic\"", "\"protocolVersion\":", "\"\\ud83d\"", "{}", "[]", "null",
        ],
        System.Text.Encoding.UTF8.GetBytes);

    public void Run(ReadOnlySpan<byte> input)
    {
        if (!JsonUnicode.IsSound(input)) return;
        JsonDocument message;
        try
        {
            message = JsonDocument.Parse(input.ToArray(), new JsonDocumentOptions { MaxDepth = 32 });
        }
        catch (JsonException)
        {
            return;
        }

        using (message)
        {
            var first = Answer(message.RootElement);
            Oracle.Holds(first.AsSpan().SequenceEqual(Answer(message.RootElement)), "the same message is answered alike");
            if (first.Length == 0) return;
            using var answer = JsonDocument.Parse(first);
            var root = answer.RootElement;
            Oracle.Holds(root.GetProperty("jsonrpc").GetString() == "2.0", "the answer is JSON-RPC");
            Oracle.Holds(root.TryGetProperty("result", out _) != root.TryGetProperty("error", out _), "with a result or an error");
            if (!root.TryGetProperty("result", out _)) return;
            var id = message.RootElement.GetProperty("id");
            var isId = id.ValueKind is JsonValueKind.String or JsonValueKind.Number;
            Oracle.Holds(isId ? JsonElement.DeepEquals(id, root.GetProperty("id")) : root.GetProperty("id").ValueKind == JsonValueKind.Null,
                "and the question's id, where that can be one");
        }
    }

    private byte[] Answer(JsonElement message)
    {
        var output = new ArrayBufferWriter<byte>();
        var answering = _server.AnswerAsync(TenantSet.Single, message, output, CancellationToken.None);
        Oracle.Holds(answering.IsCompleted, "nothing of it waits");
        answering.GetAwaiter().GetResult();
        return output.WrittenSpan.ToArray();
    }
}
