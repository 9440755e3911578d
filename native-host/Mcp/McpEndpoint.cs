using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Http;
using Tempo.Host.Startup;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Mcp;

/// <summary>
/// The Model Context Protocol at <c>/api/mcp</c>, for assistants that look for traces themselves
/// (https://modelcontextprotocol.io, streamable HTTP): JSON-RPC in the body of a POST, its answer in the body of the answer. The
/// server has nothing to say unasked and keeps nothing between requests: a GET opens a stream that stays silent, the session
/// id is one because clients expect one.
/// </summary>
internal sealed class McpEndpoint(McpServer server, TenantResolver tenants, Lifecycle lifecycle)
{
    private const string EventStream = "text/event-stream";
    private const string SessionHeader = "Mcp-Session-Id";

    /// <summary>Messages of one batch.</summary>
    private const int MaxBatch = 100;

    private static readonly JsonDocumentOptions Limits = new() { MaxDepth = 32 };

    public ApiRoute Route() => new("/api/mcp", "api_mcp", AllowedMethods.Any, (context, _) => context.Request.Method switch
    {
        "POST" => PostAsync(context),
        "GET" => ListenAsync(context),
        "DELETE" => Task.CompletedTask,
        _ => RefuseAsync(context),
    });

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.Allow = "GET, POST, DELETE";
        return PlainText.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Method not allowed\n");
    }

    // Open until the client or the process goes.
    private async Task ListenAsync(HttpContext context)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is null) return;
        context.Response.ContentType = EventStream;
        context.Response.Headers.CacheControl = "no-cache";
        await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        await Task.WhenAny(lifecycle.StopRequested, Task.Delay(Timeout.Infinite, context.RequestAborted)).ConfigureAwait(false);
    }

    private async Task PostAsync(HttpContext context)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        using var answer = new AnswerBuffer();
        JsonDocument document;
        try
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
            var bytes = body.GetBuffer().AsMemory(0, (int)body.Length);
            if (!JsonUnicode.IsSound(bytes.Span)) throw new JsonException(JsonUnicode.Error);
            document = JsonDocument.Parse(bytes.ToArray(), Limits);
        }
        catch (JsonException e)
        {
            JsonRpc.WriteError(answer, default, JsonRpc.ParseError,
                e.Message == JsonUnicode.Error ? $"parse error: {e.Message}" : "parse error: the body is not JSON");
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await SendAsync(context, answer).ConfigureAwait(false);
            return;
        }

        using (document)
        {
            if (document.RootElement.ValueKind == JsonValueKind.Array)
                await AnswerBatchAsync(context, asked, document.RootElement, answer).ConfigureAwait(false);
            else await AnswerOneAsync(context, asked, document.RootElement, answer).ConfigureAwait(false);
        }

        if (answer.Length == 0) context.Response.StatusCode = StatusCodes.Status202Accepted;
        else await SendAsync(context, answer).ConfigureAwait(false);
    }

    private async Task AnswerOneAsync(HttpContext context, TenantSet asked, JsonElement message, AnswerBuffer answer)
    {
        var isInitialize = message.ValueKind == JsonValueKind.Object && message.TryGetProperty("method", out var method)
            && method.ValueEquals("initialize");
        if (isInitialize) context.Response.Headers[SessionHeader] = $"mcp-session-{Guid.NewGuid():D}";
        await server.AnswerAsync(asked, message, answer, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task AnswerBatchAsync(HttpContext context, TenantSet asked, JsonElement batch, AnswerBuffer answer)
    {
        if (batch.GetArrayLength() is 0 or > MaxBatch)
        {
            JsonRpc.WriteError(answer, default, JsonRpc.InvalidRequest, $"a batch has 1 to {MaxBatch} messages");
            return;
        }

        foreach (var message in batch.EnumerateArray())
        {
            using var one = new AnswerBuffer();
            await AnswerOneAsync(context, asked, message, one).ConfigureAwait(false);
            if (one.Length == 0) continue;
            answer.Write(answer.Length == 0 ? "["u8 : ","u8);
            one.CopyTo(answer);
        }

        if (answer.Length > 0) answer.Write("]"u8);
    }

    private static Task SendAsync(HttpContext context, AnswerBuffer answer)
    {
        answer.Write("\n"u8);
        return QueryAnswer.WriteAsync(context, QueryAnswer.Json, answer);
    }
}
