using System.Text.RegularExpressions;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>API.md says what the running binary says: no endpoint is missing there, and none is made up.</summary>
public sealed partial class ApiTableTests
{
    [Fact]
    public async Task The_tables_hold_the_endpoints_with_their_methods()
    {
        await using var tempo =
            await TempoProcess.StartAsync(new TempoSettings { More = "query_frontend: {mcp_server: {enabled: true}}\n" });
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "API.md"));
        var documented = DocumentedRow().Matches(text).SelectMany(row => Code().Matches(row.Groups["paths"].Value)
            .Select(path => (Path: path.Groups[1].Value, Methods: row.Groups["methods"].Value))).ToList();
        var missing = NotThere().Match(text).Groups["paths"].Value;
        documented.AddRange(Code().Matches(missing).Select(path => (path.Groups[1].Value, "any")));

        var registered = RegisteredRow().Matches((await tempo.Api.AskAsync("/status/endpoints")).Text)
            .Select(row => (Path: row.Groups["path"].Value, Methods: row.Groups["methods"].Value));
        Assert.Equal(registered.Order(), documented.Order());
    }

    [GeneratedRegex(@"^\| (?<paths>`/[^|]+) \| (?<methods>any|GET|POST|GET, POST) \|", RegexOptions.Multiline)]
    private static partial Regex DocumentedRow();

    [GeneratedRegex(@"answered with 501 and why: (?<paths>[^.]+)\.", RegexOptions.Singleline)]
    private static partial Regex NotThere();

    [GeneratedRegex("`(/[^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^\| \S+ +\| (?<path>/\S*) +\| (?<methods>any|GET|POST|GET, POST) +\|", RegexOptions.Multiline)]
    private static partial Regex RegisteredRow();
}
