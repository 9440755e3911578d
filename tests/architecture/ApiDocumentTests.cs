using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>API.md against the source: what a request may name is written down.</summary>
public sealed partial class ApiDocumentTests
{
    private static readonly string Document = SourceTree.Read("API.md");

    [Fact]
    public void Every_parameter_that_is_read_is_documented()
    {
        var read = SourceTree.Files("native-host/Http", "*.cs").Concat(SourceTree.Files("native-host/Foreign", "*.cs"))
            .SelectMany(file => Parameter().Matches(SourceTree.Read(file))).Select(match => match.Groups["name"].Value).Distinct()
            .ToArray();
        Assert.True(read.Length > 20, $"only {read.Length} parameters were found in the source");
        Assert.All(read, name => Assert.Contains($"`{name}`", Document, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_parameter_that_is_documented_is_read()
    {
        var source = string.Concat(SourceTree.Files("native-host", "*.cs").Select(SourceTree.Read));
        var documented =
            ParameterRow().Matches(Document).SelectMany(row => Name().Matches(Bracketed().Replace(row.Groups["parameters"].Value, "")))
                .Select(match => match.Groups["name"].Value).Distinct().ToArray();
        Assert.True(documented.Length > 30, $"only {documented.Length} parameters were found in API.md");
        Assert.All(documented, name => Assert.Contains($"\"{name}\"", source, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_method_of_the_proto_files_is_documented()
    {
        var methods = SourceTree.Files("native-host/Grpc/Protos", "*.proto").SelectMany(file =>
        {
            var text = SourceTree.Read(file);
            var package = Package().Match(text).Groups["name"].Value;
            return Rpc().Matches(text).Select(rpc => $"/{package}.{Service().Match(text).Groups["name"].Value}/{rpc.Groups["name"].Value}");
        }).ToArray();
        Assert.NotEmpty(methods);
        Assert.All(methods, method => Assert.Contains($"| `{method}` |", Document, StringComparison.Ordinal));
    }

    // query["x"], and the readers that take the name of a parameter.
    [GeneratedRegex("""(?:\b(?:query|Query|parameters)\["|TryRead\w+\(parameters, "|TryParse\w+\(query, "|ReadTime\(query, ")(?<name>[\w-]+)"?""")]
    private static partial Regex Parameter();

    // The third column of the endpoints' tables; what stands in brackets explains.
    [GeneratedRegex(@"^\| `/[^|]+ \| (any|GET|POST|DELETE|GET, POST)[^|]* \| (?<parameters>[^|]*(\|[^|]*)?) \|$", RegexOptions.Multiline)]
    private static partial Regex ParameterRow();

    [GeneratedRegex(@"\([^)]*\)")]
    private static partial Regex Bracketed();

    [GeneratedRegex("`(?<name>[A-Za-z_-]+)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"^package (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Package();

    [GeneratedRegex(@"^service (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Service();

    [GeneratedRegex(@"^\s+rpc (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Rpc();
}
