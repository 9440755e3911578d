using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Host.Config;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class TagParametersTests
{
    private const long NowSeconds = 1_795_221_253;
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(NowSeconds);

    [Theory]
    [InlineData("", NowSeconds + 1 - 900, NowSeconds + 1, 0)]
    [InlineData("start=0&end=0", NowSeconds + 1 - 900, NowSeconds + 1, 0)]
    [InlineData("since=1h", NowSeconds + 1 - 3600, NowSeconds + 1, 0)]
    [InlineData("since=1h&start=5&end=6", NowSeconds + 1 - 3600, NowSeconds + 1, 0)]
    [InlineData("start=1795221250&end=1795221253&limit=7", 1_795_221_250, 1_795_221_253, 7)]
    [InlineData("start=5&end=5", 5, 5, 0)]
    [InlineData("limit=x", NowSeconds + 1 - 900, NowSeconds + 1, 0)]
    [InlineData("limit=-1&maxStaleValues=x", NowSeconds + 1 - 900, NowSeconds + 1, 0)]
    [InlineData("start=1000000000&end=1000604800", 1_000_000_000, 1_000_604_800, 0)]
    public void Taken(string query, long start, long end, int limit)
    {
        Assert.True(TagParameters.TryParse(
            new QueryCollection(QueryHelpers.ParseQuery(query)), new SearchLimits(), Now, out var parameters, out var error), error);
        Assert.Equal(new TagParameters(start, end, limit), parameters);
    }

    [Theory]
    [InlineData("start=x&end=5", "error parsing date range: could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("start=1&end=1.5", "error parsing date range: could not parse 'end' parameter: strconv.ParseInt: parsing \"1.5\": invalid syntax")]
    [InlineData("start=5", "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("end=5", "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("start=10&end=5", "range specified by start and end exceeds 168h0m0s. received start=10 end=5")]
    [InlineData("start=1000000000&end=1000604801",
        "range specified by start and end exceeds 168h0m0s. received start=1000000000 end=1000604801")]
    [InlineData("since=-1h", "error parsing date range: could not parse 'since' parameter: not a valid duration string: \"-1h\"")]
    public void Refused(string query, string text)
    {
        Assert.False(TagParameters.TryParse(
            new QueryCollection(QueryHelpers.ParseQuery(query)), new SearchLimits(), Now, out _, out var error));
        Assert.Equal(text, error);
    }

    [Fact]
    public void InAMessageZeroIsNotGiven()
    {
        Assert.True(TagParameters.TryCreate(0, 0, 3, new SearchLimits(), Now, out var parameters, out _));
        Assert.Equal(new TagParameters(NowSeconds + 1 - 900, NowSeconds + 1, 3), parameters);
        Assert.False(TagParameters.TryCreate(5, 0, 0, new SearchLimits(), Now, out _, out var error));
        Assert.Equal("error parsing date range: only one of start and end provided: must provide both or neither", error);
    }

    [Theory]
    [InlineData("", 1_795_221_223L - 900, 1_795_221_223L)]
    [InlineData("since=1h", 1_795_221_223L - 3600, 1_795_221_223L)]
    [InlineData("start=1795221000&end=1795221253", 1_795_221_000L, 1_795_221_223L)]
    [InlineData("start=1795221240&end=1795221253", 1_795_221_223L - 900, 1_795_221_223L)]
    public void ACutoffMovesTheEnd(string query, long start, long end)
    {
        var limits = new SearchLimits { QueryEndCutoff = TimeSpan.FromSeconds(30) };
        var now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);
        Assert.True(TagParameters.TryParse(
            new QueryCollection(QueryHelpers.ParseQuery(query)), limits, now, out var parameters, out var error), error);
        Assert.Equal((start, end), (parameters.StartSeconds, parameters.EndSeconds));
    }
}
