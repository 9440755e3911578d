using System.Globalization;
using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>
/// What the protocols require is a list of 32 lines: 1 to 9 OTLP on both transports, 10 to 16 OTLP over gRPC, 17 to 24 over HTTP, 25 to 27
/// Zipkin, 28 to 30 Jaeger, 31 and 32 remote write. Each has at least one test of its number.
/// </summary>
public sealed partial class ConformanceTests
{
    private const int Lines = 32;

    [Fact]
    public void Every_line_of_the_protocols_has_a_test_of_its_number()
    {
        var tested = SourceTree.Files("tests/system/Protocol/Conformance", "*.cs")
            .Concat(SourceTree.Files("tests/unit/generator/RemoteWrite", "*.cs"))
            .SelectMany(file => TestName().Matches(SourceTree.Read(file))).SelectMany(name => Number().Matches(name.Groups["lines"].Value))
            .Select(number => int.Parse(number.Value, CultureInfo.InvariantCulture)).Distinct().Order();
        Assert.Equal(Enumerable.Range(1, Lines), tested);
    }

    // Line12_14_15_and_24_over_the_rate…
    [GeneratedRegex(@"public async Task Line(?<lines>\d\d(_(and_)?\d\d)*)_")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\d\d")]
    private static partial Regex Number();
}
