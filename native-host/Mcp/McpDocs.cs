using System.Text;
using Tempo.Host.Config;

namespace Tempo.Host.Mcp;

/// <summary>The documents that assistants are given; those that are text lie in <c>Mcp/Docs</c> and in the binary.</summary>
internal static class McpDocs
{
    /// <summary>What the tool for TraceQL's documents may be asked for.</summary>
    public static readonly string[] TraceQl = ["basic", "aggregates", "structural", "metrics"];

    /// <summary>What the tool for the configuration's documents may be asked for.</summary>
    public static readonly string[] Config = ["config-overview", "config-reference"];

    public static IReadOnlyList<McpResource> Resources { get; } =
    [
        .. new[] { "query", "metrics", "basic", "aggregates", "structural" }
            .Select(static name => new McpResource($"docs://traceql/{name}", $"TraceQL: {name}", () => Read($"traceql-{name}"))),
        new("docs://config/overview", "Configuration: overview", static () => Read("config-overview")),
        new("docs://config/reference", "Configuration: reference", static () => Read("config-reference")),
    ];

    /// <summary>The text of a document; the reference is made of what the binary knows.</summary>
    public static string Read(string name)
    {
        if (name == "config-reference")
        {
            return "# Every key that has an effect, with its default\n\n```yaml\n" + EffectiveConfig.Render(new HostOptions()) + "```\n";
        }

        using var stream = typeof(McpDocs).Assembly.GetManifestResourceStream($"Docs/{name}.md")
            ?? throw new InvalidOperationException($"the binary has no document {name}");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
