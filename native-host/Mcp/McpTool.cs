using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Mcp;

/// <summary>Something an assistant can have done. All are read only.</summary>
/// <param name="Name">By which it is called.</param>
/// <param name="Description">For the assistant: when to use it, and how.</param>
/// <param name="Parameters">What it takes.</param>
/// <param name="CallAsync">Does it; a QueryException becomes an error result.</param>
internal sealed record McpTool(
    string Name, string Description, McpParameter[] Parameters,
    Func<TenantSet, McpArguments, CancellationToken, Task<McpResult>> CallAsync);

/// <summary>A parameter, which is text; <paramref name="Choices"/> are all it may be, none: anything.</summary>
internal sealed record McpParameter(string Name, string Description, bool IsRequired, params string[] Choices);

/// <summary>The arguments of a call.</summary>
internal readonly struct McpArguments(JsonElement arguments)
{
    /// <summary>The text of an argument, empty if it is absent or no text.</summary>
    public string this[string name] =>
        arguments.ValueKind == JsonValueKind.Object && arguments.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>False with the words of the protocol's own error if a needed argument is missing.</summary>
    public bool TryRequire(string name, out string value, out McpResult error)
    {
        value = this[name];
        error = value.Length > 0 ? default! : McpResult.Error($"required argument \"{name}\" not found");
        return value.Length > 0;
    }
}

/// <summary>What a tool says.</summary>
/// <param name="Text">For the assistant.</param>
/// <param name="Type">documentation, search-results, trace, attribute-names, attribute-values, metrics-range, metrics-instant,
/// trace-diff.</param>
/// <param name="Encoding">json or markdown.</param>
/// <param name="Version">Of that form.</param>
internal sealed record McpResult(string Text, string Type, string Encoding, string Version)
{
    public bool IsError { get; private init; }

    public static McpResult Error(string text) => new(text, "", "", "") { IsError = true };

    public static McpResult Documentation(string text) => new(text, "documentation", "markdown", "1");
}

/// <summary>A document that an assistant can read.</summary>
/// <param name="Uri">Such as <c>docs://traceql/basic</c>.</param>
/// <param name="Name">For people.</param>
/// <param name="Read">Its text.</param>
internal sealed record McpResource(string Uri, string Name, Func<string> Read)
{
    public const string Markdown = "text/markdown";
}
