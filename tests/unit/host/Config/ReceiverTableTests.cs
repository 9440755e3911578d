using System.Globalization;
using System.Text.RegularExpressions;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

/// <summary>README's table of receivers says what the configuration starts: each by its key, on its port, and no other.</summary>
public sealed partial class ReceiverTableTests
{
    [Fact]
    public void TheTableHoldsEveryReceiverWithItsPort()
    {
        var rows = Row().Matches(File.ReadAllText(Path.Combine(Root(), "README.md")))
            .SelectMany(static row => Key().Matches(row.Groups["keys"].Value).Select(key => key.Groups[1].Value)
                .Zip(Number().Matches(row.Groups["ports"].Value)
                    .Select(static port => int.Parse(port.Value, CultureInfo.InvariantCulture)))).ToList();
        var started = new List<string>();
        foreach (var (key, port) in rows)
        {
            // jaeger.protocols.thrift_compact and, in the same row, thrift_binary
            var path = key.Contains('.', StringComparison.Ordinal) || key == "zipkin" ? key : $"jaeger.protocols.{key}";
            var options = new HostOptions();
            ConfigFile.Apply("t.yaml", $"distributor: {{receivers: {{{Nest(path)}}}}}", options);
            var receiver = Assert.Single(All(options.Receivers), static r => r.Receiver is not null);
            Assert.Equal((path, port), (path, receiver.Receiver!.Listen.Port));
            started.Add(receiver.Name);
        }

        Assert.Equal(
            All(new ReceiverSet()).Select(static r => r.Name).Order(StringComparer.Ordinal), started.Order(StringComparer.Ordinal));
    }

    private static string Nest(string path) =>
        path.Split('.').Reverse().Aggregate("", static (inner, name) => inner.Length == 0 ? $"{name}: " : $"{name}: {{{inner}}}");

    private static (string Name, ReceiverOptions? Receiver)[] All(ReceiverSet set) =>
    [
        (nameof(set.OtlpGrpc), set.OtlpGrpc), (nameof(set.OtlpHttp), set.OtlpHttp), (nameof(set.Zipkin), set.Zipkin),
        (nameof(set.JaegerGrpc), set.JaegerGrpc),
        (nameof(set.JaegerHttp), set.JaegerHttp), (nameof(set.JaegerCompact), set.JaegerCompact),
        (nameof(set.JaegerBinary), set.JaegerBinary),
    ];

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "tempo.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("tempo.slnx is not above the tests");
        return folder;
    }

    [GeneratedRegex(@"^\| (?<keys>`(otlp|zipkin|jaeger)[^|]*) \| (?<ports>[0-9, ]+)(UDP)? \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([a-z_.]+)`")]
    private static partial Regex Key();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Number();
}
