using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Tempo.Host.Startup;

/// <summary>
/// Puts TLS between a connection and the server. It is done here, below Kestrel, and not by its own middleware, because that one
/// asks a service container for its parts, which this process does not have; and so HTTP/1.1 and HTTP/2 are told apart by the
/// same sniffing with TLS as without.
/// </summary>
internal static class SecureConnection
{
    /// <summary>A client that has not finished its handshake by then is closed.</summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>False if the handshake fails, whatever a stranger sent: the caller closes the connection.</summary>
    public static async Task<bool> AuthenticateAsync(ConnectionContext connection, ServerCertificate certificate, CancellationToken stop)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(HandshakeTimeout);
        var plain = connection.Transport;
        var secure = new SslStream(new PipeStream(plain), leaveInnerStreamOpen: false);
        try
        {
            await secure.AuthenticateAsServerAsync(certificate.Current(), timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Of any type: an extension of a certificate that makes no sense is one of cryptography.
            await secure.DisposeAsync().ConfigureAwait(false);
            if (!stop.IsCancellationRequested) certificate.Refused(connection.RemoteEndPoint, e);
            return false;
        }

        var pool = LargeBlockPool.Instance;
        connection.Transport = new SecurePipe(
            PipeReader.Create(secure, new StreamPipeReaderOptions(pool, bufferSize: 16 * 1024, minimumReadSize: 4 * 1024)),
            PipeWriter.Create(secure, new StreamPipeWriterOptions(pool)));
        var feature = new TlsFeature(secure);
        connection.Features.Set<ITlsConnectionFeature>(feature);
        connection.Features.Set<ITlsHandshakeFeature>(feature);
        connection.Features.Set<ITlsApplicationProtocolFeature>(feature);
        return true;
    }

    private sealed record SecurePipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    // Its presence also tells the server that the scheme is https; HTTP/2 asks for the version.
#pragma warning disable SYSLIB0058 // the interface still has the members that name parts of a cipher suite
    private sealed class TlsFeature(SslStream secure) : ITlsConnectionFeature, ITlsHandshakeFeature, ITlsApplicationProtocolFeature
    {
        /// <summary>Only asked for where the content has shown itself to be HTTP/2, whether or not it was agreed on before.</summary>
        public ReadOnlyMemory<byte> ApplicationProtocol { get; } = SslApplicationProtocol.Http2.Protocol;

        public SslProtocols Protocol => secure.SslProtocol;
        public TlsCipherSuite? NegotiatedCipherSuite => secure.NegotiatedCipherSuite;
        public CipherAlgorithmType CipherAlgorithm => secure.CipherAlgorithm;
        public int CipherStrength => secure.CipherStrength;
        public HashAlgorithmType HashAlgorithm => secure.HashAlgorithm;
        public int HashStrength => secure.HashStrength;
        public ExchangeAlgorithmType KeyExchangeAlgorithm => secure.KeyExchangeAlgorithm;
        public int KeyExchangeStrength => secure.KeyExchangeStrength;

        public X509Certificate2? ClientCertificate { get; set; } = secure.RemoteCertificate as X509Certificate2;

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);
    }
#pragma warning restore SYSLIB0058

    /// <summary>The pipes of the socket as one stream.</summary>
    private sealed class PipeStream(IDuplexPipe pipe) : Stream
    {
        private readonly Stream _input = pipe.Input.AsStream(leaveOpen: true);
        private readonly Stream _output = pipe.Output.AsStream(leaveOpen: true);

        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _input.ReadAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            _input.ReadAsync(buffer, offset, count, cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => _input.Read(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _output.WriteAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            _output.WriteAsync(buffer, offset, count, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => _output.Write(buffer, offset, count);

        public override void Flush() => _output.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                pipe.Input.Complete();
                pipe.Output.Complete();
            }

            base.Dispose(disposing);
        }
    }
}
