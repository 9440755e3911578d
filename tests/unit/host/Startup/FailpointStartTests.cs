using Tempo.Engine.Foundation;
using Tempo.Host.Startup;
using Xunit;

namespace Tempo.Host.Tests.Startup;

public sealed class FailpointStartTests
{
    private static readonly Log Quiet = new(Stream.Null, LogFormat.Logfmt, LogLevel.Error, TimeProvider.System);

    [Fact]
    public void The_table_has_every_point_once_and_in_order()
    {
        Assert.Equal(Enum.GetValues<Failpoint>(), FailpointTable.All.Select(static info => info.Point));
        Assert.Equal(FailpointTable.All.Count, FailpointTable.All.Select(static info => info.Name).Distinct().Count());
        Assert.Equal(65, FailpointTable.All.Count); // a new one is added here; one that goes has a reason
    }

    [Fact]
    public void A_variable_that_no_flag_allows_keeps_the_process_from_starting()
    {
        Assert.False(FailpointStart.TryApply(isAllowed: false, "ingest.logged", Quiet, out var error));
        Assert.Contains("-failpoints.enabled", error, StringComparison.Ordinal);
        Assert.Equal("", Failpoints.Armed);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Without_it_nothing_is_on(string? asked)
    {
        Assert.True(FailpointStart.TryApply(isAllowed: true, asked, Quiet, out _));
        Assert.Equal("", Failpoints.Armed);
        Failpoints.Hit(Failpoint.IngestLogged);
        Assert.All(Failpoints.Reached(), static point => Assert.Equal(0, point.Count));
    }

    [Theory]
    [InlineData("no.such.point", "there is no failpoint no.such.point")]
    [InlineData("ingest.logged:0", "0 is neither")]
    [InlineData("ingest.logged:-1", "-1 is neither")]
    [InlineData("ingest.logged:2:3:4", "name[:nth][:error]")]
    [InlineData("ingest.logged:error", "ingest.logged only ends the process")]
    public void What_makes_no_sense_is_refused(string asked, string expected)
    {
        Assert.False(FailpointStart.TryApply(isAllowed: true, asked, Quiet, out var error));
        Assert.StartsWith($"TEMPO_FAILPOINT: {expected}", error, StringComparison.Ordinal);
        Assert.Equal("", Failpoints.Armed);
    }

    [Fact]
    public void The_verb_prints_them_all() =>
        Assert.Equal(FailpointTable.All.Count, FailpointStart.Describe().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
}
