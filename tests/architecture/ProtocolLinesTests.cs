using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>
/// Our list of what the protocols ask of a server has 32 lines (OTLP 1 to 24, Zipkin 25 to 27, Jaeger 28 to 30, remote write 31 and
/// 32); each has a test that bears its number.
/// </summary>
public sealed partial class ProtocolLinesTests
{
    private const int Count = 32;

    [Fact]
    public void Each_line_of_the_protocols_has_a_test_of_its_name()
    {
        var tested = SourceTree.Files("tests", "*Tests.cs").SelectMany(path => TestOfLines().Matches(SourceTree.Read(path)))
            .SelectMany(static test => Number().Matches(test.Value))
            .Select(static number => int.Parse(number.Value, System.Globalization.CultureInfo.InvariantCulture)).ToHashSet();
        Assert.Equal(Enumerable.Range(1, Count), tested.Order());
    }

    // Line05_…, and Line12_14_15_and_24_… for several.
    [GeneratedRegex(@"(?<=(Task|void) )Line\d\d(_(and_)?\d\d)*(?=_)")]
    private static partial Regex TestOfLines();

    [GeneratedRegex(@"\d\d")]
    private static partial Regex Number();
}
