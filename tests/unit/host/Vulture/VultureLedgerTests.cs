using Tempo.Host.Vulture;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Vulture;

/// <summary>What the vulture remembers of what it sent.</summary>
public sealed class VultureLedgerTests : IDisposable
{
    private const string First = "acknowledged 00c0ffee00c0ffee 1795221253000\n", Second = "refused 00c0ffee00c0ffef 1795221254000\n";
    private readonly string _folder = TestFolder.Create("tempo-ledger-");

    private string LedgerFile => Path.Combine(_folder, "ledger.txt");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_noted_is_there_the_next_time()
    {
        var (first, second) = (new VultureTrace(0xC0FFEE00C0FFEE, 1795221253000), new VultureTrace(0xC0FFEE00C0FFEF, 1795221254000));
        using (var ledger = new VultureLedger(LedgerFile)) ledger.Note(first, VultureOutcome.Acknowledged);
        using (var ledger = new VultureLedger(LedgerFile)) ledger.Note(second, VultureOutcome.Refused);
        Assert.Equal(First + Second, File.ReadAllText(LedgerFile));
        using var again = new VultureLedger(LedgerFile);
        Assert.Equal((1, 1), (again.Count(VultureOutcome.Acknowledged), again.Count(VultureOutcome.Refused)));
        Assert.Equal(1795221253000, again.Of(VultureOutcome.Acknowledged)[0].StartUnixMs);
    }

    /// <summary>Wherever the last line ends: a trace whose time lacks a digit would be asked for, and missed.</summary>
    [Fact]
    public void The_beginning_of_a_last_line_is_forgotten_and_the_next_line_stands_for_itself()
    {
        for (var length = 0; length < Second.Length; length++)
        {
            File.WriteAllText(LedgerFile, First + Second[..length]);
            using (var ledger = new VultureLedger(LedgerFile))
            {
                Assert.Equal((1, 0), (ledger.Count(VultureOutcome.Acknowledged), ledger.Count(VultureOutcome.Refused)));
                ledger.Note(new VultureTrace(0xC0FFEE00C0FFEF, 1795221254000), VultureOutcome.Refused);
            }

            Assert.Equal(First + Second, File.ReadAllText(LedgerFile));
        }
    }

    [Theory]
    [InlineData("target: all\n")]
    [InlineData("target: all")]
    [InlineData(First + "x")]
    [InlineData(First + "acknowledged 00c0ffee00c0ffee\n")]
    [InlineData("\n")]
    public void A_file_that_is_no_ledger_is_refused_and_left_as_it_is(string text)
    {
        File.WriteAllText(LedgerFile, text);
        Assert.Contains("is no ledger", Assert.Throws<IOException>(() => new VultureLedger(LedgerFile)).Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(LedgerFile));
    }
}
