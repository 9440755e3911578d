using System.Net;
using Tempo.Engine.ObjectStore.Tests.Stub;

namespace Tempo.SystemTests.Torture.Failpoints;

/// <summary>A remote write receiver that takes everything and keeps nothing.</summary>
internal sealed class WriteSink : ServiceStub
{
    protected override Answer Handle(HttpListenerRequest request, byte[] body) => new(204);
}
