using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Host.Config;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class SearchParametersTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);

    private static SearchParameters Parse(string query)
    {
        Assert.True(SearchParameters.TryParse(
            new QueryCollection(QueryHelpers.ParseQuery(query)), new SearchLimits(), Now, out var parameters, out var error), error);
        return parameters;
    }

    private static string Error(string query)
    {
        Assert.False(SearchParameters.TryParse(
            new QueryCollection(QueryHelpers.ParseQuery(query)), new SearchLimits(), Now, out _, out var error));
        return error;
    }

    [Fact]
    public void DefaultsAreTheLastFifteenMinutesUpToNow()
    {
        var r = Parse("").Request;
        Assert.Equal(
            ("", 1_795_221_254u - 900, 1_795_221_254u, 20, 3), (r.Query, r.StartSeconds, r.EndSeconds, r.Limit, r.SpansPerSpanSet));
        Assert.Equal(r, Parse("start=0&end=0").Request);
        Assert.False(Parse("").HasSpanSets);
        Assert.True(Parse("q={}").HasSpanSets);
    }

    [Fact]
    public void ACursorAsksForAPage()
    {
        Assert.Null(Parse("q={}").Request.Cursor);
        Assert.Equal("", Parse("q={}&cursor=").Request.Cursor);
        Assert.Equal("start:5:1", Parse("q={}&cursor=start:5:1").Request.Cursor);
    }

    [Fact]
    public void SinceWins()
    {
        var r = Parse("since=1h&start=5&end=6").Request;
        Assert.Equal((1_795_221_254u - 3600, 1_795_221_254u), (r.StartSeconds, r.EndSeconds));
        Assert.Equal(1_795_221_254u - 7 * 86400, Parse("since=7d").Request.StartSeconds);
    }

    [Fact]
    public void TheRecentEndIsNotCutBack()
    {
        var r = Parse("start=1795221250&end=1795221253").Request;
        Assert.Equal((1_795_221_250u, 1_795_221_253u), (r.StartSeconds, r.EndSeconds));
    }

    [Theory]
    [InlineData("", 1_795_221_223u - 900, 1_795_221_223u)]
    [InlineData("since=1h", 1_795_221_223u - 3600, 1_795_221_223u)]
    [InlineData("start=1795221000&end=1795221253", 1_795_221_000u, 1_795_221_223u)]
    [InlineData("start=1795221000&end=1795221200", 1_795_221_000u, 1_795_221_200u)]
    [InlineData("start=1795221223&end=1795221253", 1_795_221_223u - 900, 1_795_221_223u)] // wholly within the cut: the default range
    public void ACutoffMovesTheEnd(string query, uint start, uint end)
    {
        var limits = new SearchLimits { QueryEndCutoff = TimeSpan.FromSeconds(30) };
        Assert.True(SearchParameters.TryParse(
            new QueryCollection(QueryHelpers.ParseQuery(query)), limits, Now, out var parameters, out var error), error);
        Assert.Equal((start, end), (parameters.Request.StartSeconds, parameters.Request.EndSeconds));
    }

    [Fact]
    public void LimitsAreTaken()
    {
        var r = Parse("limit=262144&spss=100").Request;
        Assert.Equal((262144, 100), (r.Limit, r.SpansPerSpanSet));
        Assert.Equal(3, Parse("spss=0").Request.SpansPerSpanSet);
        r = Parse("minDuration=100ms&maxDuration=100ms").Request;
        Assert.Equal((100_000_000, 100_000_000), (r.MinDurationNano, r.MaxDurationNano));
        Assert.Equal(0, Parse("q={}&minDuration=x").Request.MinDurationNano);
    }

    [Theory]
    [InlineData("limit=0", "invalid limit: must be a positive number")]
    [InlineData("limit=-1", "invalid limit: strconv.ParseUint: parsing \"-1\": invalid syntax")]
    [InlineData("limit=262145", "limit 262145 exceeds max limit 262144")]
    [InlineData("limit=4294967296", "invalid limit: strconv.ParseUint: parsing \"4294967296\": value out of range")]
    [InlineData("spss=101", "spans per span set exceeds 100. received 101")]
    [InlineData("spss=x", "invalid spss: strconv.ParseUint: parsing \"x\": invalid syntax")]
    [InlineData("start=x&end=5", "invalid start: strconv.ParseUint: parsing \"x\": invalid syntax")]
    [InlineData("start=1.5&end=5", "invalid start: strconv.ParseUint: parsing \"1.5\": invalid syntax")]
    [InlineData("start=1&end=1795221253000000000", "invalid end: strconv.ParseUint: parsing \"1795221253000000000\": value out of range")]
    [InlineData("start=1795221000", "http parameter start must be before end. received start=1795221000 end=0")]
    [InlineData("end=1795221000", "error parsing date range: only one of start and end provided: must provide both or neither")]
    [InlineData("start=10&end=5", "http parameter start must be before end. received start=10 end=5")]
    [InlineData("start=10&end=10", "http parameter start must be before end. received start=10 end=10")]
    [InlineData("start=1&end=604802", "range specified by start and end exceeds 168h0m0s. received start=1 end=604802")]
    [InlineData("since=8d", "range specified by start and end exceeds 168h0m0s. received start=1794530054 end=1795221254")]
    [InlineData("since=-1h", "error parsing date range: could not parse 'since' parameter: not a valid duration string: \"-1h\"")]
    [InlineData("q={}&tags=a%3Db", "invalid request: can't specify tags and q in the same query")]
    [InlineData("minDuration=x", "invalid minDuration: time: invalid duration \"x\"")]
    [InlineData("maxDuration=100", "invalid maxDuration: time: missing unit in duration \"100\"")]
    [InlineData("minDuration=2s&maxDuration=1s", "invalid maxDuration: must be greater than minDuration")]
    [InlineData("tags=a%3D%22x", "invalid tags: unterminated quoted value at pos 5")]
    public void Errors(string query, string expected) => Assert.Equal(expected, Error(query));

    [Fact]
    public void ExactlyTheLongestRangeIsTaken() => Assert.Equal(604801u, Parse("start=1&end=604801").Request.EndSeconds);

    [Fact]
    public void TheQueryTextIsLimitedInBytes()
    {
        var tooLong = Error($"q={{name=\"{new string('é', 65537)}\"}}");
        Assert.StartsWith("TraceQL expression exceeds the configured maximum size of 131072 bytes", tooLong, StringComparison.Ordinal);

        // What is wrong as well is told that.
        Assert.StartsWith("invalid TraceQL query: parse error", Error("q=" + new string('é', 65537)), StringComparison.Ordinal);
    }
}
