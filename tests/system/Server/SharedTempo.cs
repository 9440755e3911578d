[assembly: AssemblyFixture(typeof(Tempo.SystemTests.Server.SharedTempo))]

namespace Tempo.SystemTests.Server;

/// <summary>One server for all tests that only send and ask. They keep apart by their trace ids.</summary>
public sealed class SharedTempo : IAsyncLifetime
{
    public TempoProcess Tempo { get; } = TempoProcess.Prepare();

    public async ValueTask InitializeAsync() => await Tempo.StartAsync();

    public ValueTask DisposeAsync() => Tempo.DisposeAsync();
}
