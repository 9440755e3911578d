using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;

namespace Tempo.Host.Mcp;

/// <summary>Answers the messages of the Model Context Protocol: what tools and documents there are, and what they say.</summary>
internal sealed class McpServer
{
    private const string ServerName = "tempo";
    private const string ServerVersion = "0.1.0";

    /// <summary>The version that is spoken with clients that ask for one that is not here.</summary>
    private const string DefaultProtocol = "2025-03-26";

    // What differs between them does not touch what this server does.
    private static readonly string[] Protocols = ["2024-11-05", DefaultProtocol, "2025-06-18", "2025-11-25"];

    private readonly Dictionary<string, McpTool> _tools;
    private readonly IReadOnlyList<McpResource> _resources;
    private readonly CounterFamily _calls;

    public McpServer(IReadOnlyList<McpTool> tools, IReadOnlyList<McpResource> resources, MetricRegistry metrics)
    {
        Tools = tools;
        _tools = tools.ToDictionary(static t => t.Name, StringComparer.Ordinal);
        _resources = resources;
        _calls = metrics.Counter("tempo_query_frontend_mcp_calls_total", "Calls of the tools of the MCP server.", "tool");
    }

    public IReadOnlyList<McpTool> Tools { get; }

    /// <summary>Writes the answer to one message; nothing to a notification.</summary>
    public async Task AnswerAsync(TenantSet asked, JsonElement message, IBufferWriter<byte> output, CancellationToken cancellation)
    {
        if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty("method", out var name)
            || name.ValueKind != JsonValueKind.String)
        {
            // An answer of the client to a question: none was asked.
            if (message.ValueKind == JsonValueKind.Object
                && (message.TryGetProperty("result", out _) || message.TryGetProperty("error", out _)))
                return;
            JsonRpc.WriteError(output, default, JsonRpc.InvalidRequest, "a JSON-RPC request has a method");
            return;
        }

        if (!message.TryGetProperty("id", out var id)) return;
        message.TryGetProperty("params", out var parameters);
        switch (name.GetString())
        {
            case "initialize":
                JsonRpc.WriteResult(output, id, json => WriteInitialize(json, Text(parameters, "protocolVersion")));
                break;
            case "ping":
                JsonRpc.WriteResult(output, id, static json => WriteEmpty(json));
                break;
            case "tools/list":
                JsonRpc.WriteResult(output, id, WriteTools);
                break;
            case "tools/call":
                await CallAsync(asked, id, parameters, output, cancellation).ConfigureAwait(false);
                break;
            case "resources/list":
                JsonRpc.WriteResult(output, id, WriteResources);
                break;
            case "resources/templates/list":
                JsonRpc.WriteResult(output, id, static json =>
                {
                    json.WriteStartObject();
                    json.WriteStartArray("resourceTemplates");
                    json.WriteEndArray();
                    json.WriteEndObject();
                });
                break;
            case "resources/read":
                ReadResource(id, Text(parameters, "uri"), output);
                break;
            default:
                JsonRpc.WriteError(output, id, JsonRpc.MethodNotFound, $"Method {Cut(name.GetString()!)} not found");
                break;
        }
    }

    private async Task CallAsync(
        TenantSet asked, JsonElement id, JsonElement parameters, IBufferWriter<byte> output, CancellationToken cancellation)
    {
        var name = Text(parameters, "name");
        if (!_tools.TryGetValue(name, out var tool))
        {
            JsonRpc.WriteError(output, id, JsonRpc.InvalidParams, $"tool '{Cut(name)}' not found: tool not found");
            return;
        }

        _calls.With(name).Add(1);
        var arguments =
            parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty("arguments", out var given) ? given : default;
        McpResult result;
        try
        {
            result = await tool.CallAsync(asked, new McpArguments(arguments), cancellation).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            result = McpResult.Error(e.Message);
        }

        JsonRpc.WriteResult(output, id, json => WriteResult(json, result));
    }

    private static void WriteInitialize(Utf8JsonWriter json, string protocol)
    {
        json.WriteStartObject();
        json.WriteString("protocolVersion", Array.IndexOf(Protocols, protocol) >= 0 ? protocol : DefaultProtocol);
        json.WriteStartObject("capabilities");
        json.WriteStartObject("resources");
        json.WriteEndObject();
        json.WriteStartObject("tools");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("serverInfo");
        json.WriteString("name", ServerName);
        json.WriteString("version", ServerVersion);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteTools(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("tools");
        foreach (var tool in Tools)
        {
            json.WriteStartObject();
            json.WriteString("name", tool.Name);
            json.WriteString("description", tool.Description);
            json.WriteStartObject("inputSchema");
            json.WriteString("type", "object");
            json.WriteStartObject("properties");
            foreach (var parameter in tool.Parameters) WriteParameter(json, parameter);
            json.WriteEndObject();
            WriteTexts(json, "required", tool.Parameters.Where(static p => p.IsRequired).Select(static p => p.Name));
            json.WriteEndObject();
            json.WriteStartObject("annotations");
            json.WriteBoolean("readOnlyHint", true);
            json.WriteBoolean("destructiveHint", false);
            json.WriteBoolean("idempotentHint", false);
            json.WriteBoolean("openWorldHint", false);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteParameter(Utf8JsonWriter json, McpParameter parameter)
    {
        json.WriteStartObject(parameter.Name);
        json.WriteString("type", "string");
        json.WriteString("description", parameter.Description);
        if (parameter.Choices.Length > 0) WriteTexts(json, "enum", parameter.Choices);
        json.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private void WriteResources(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("resources");
        foreach (var resource in _resources)
        {
            json.WriteStartObject();
            json.WriteString("uri", resource.Uri);
            json.WriteString("name", resource.Name);
            json.WriteString("mimeType", McpResource.Markdown);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void ReadResource(JsonElement id, string uri, IBufferWriter<byte> output)
    {
        if (_resources.FirstOrDefault(r => r.Uri == uri) is not { } resource)
        {
            JsonRpc.WriteError(output, id, JsonRpc.InvalidParams, $"resource '{Cut(uri)}' not found: resource not found");
            return;
        }

        JsonRpc.WriteResult(output, id, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("contents");
            json.WriteStartObject();
            json.WriteString("uri", resource.Uri);
            json.WriteString("mimeType", McpResource.Markdown);
            json.WriteString("text", resource.Read());
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static void WriteResult(Utf8JsonWriter json, McpResult result)
    {
        json.WriteStartObject();
        if (!result.IsError)
        {
            json.WriteStartObject("_meta");
            json.WriteString("type", result.Type);
            json.WriteString("encoding", result.Encoding);
            json.WriteString("version", result.Version);
            json.WriteEndObject();
        }

        json.WriteStartArray("content");
        json.WriteStartObject();
        json.WriteString("type", "text");
        json.WriteString("text", result.Text);
        json.WriteEndObject();
        json.WriteEndArray();
        if (result.IsError) json.WriteBoolean("isError", true);
        json.WriteEndObject();
    }

    private static void WriteEmpty(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteEndObject();
    }

    private static string Text(JsonElement parameters, string name) =>
        parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static string Cut(string text) => text.Length > 200 ? text[..200] : text;
}
