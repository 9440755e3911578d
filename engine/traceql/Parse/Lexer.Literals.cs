using System.Globalization;
using System.Text;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Text;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>Numbers, durations and strings. The error texts are those of Go's scanner and strconv, which Tempo shows.</summary>
internal sealed partial class Lexer
{
    private const string NotTerminated = "literal not terminated";
    private const int LastRune = 0x10FFFF;
    private const string InvalidEscape = "invalid char escape";

    private Token ReadNumber()
    {
        if (TryReadDuration(out Token duration))
            return duration;

        int start = _position;
        int end = start;
        if (_text[start] == '0' && start + 1 < _text.Length && _text[start + 1] is 'x' or 'X' or 'b' or 'B' or 'o' or 'O')
        {
            while (end < _text.Length && (char.IsAsciiLetterOrDigit(_text[end]) || _text[end] == '_'))
                end++;
            Advance(end - start);
            return Error($"strconv.Atoi: parsing \"{_text[start..end]}\": invalid syntax");
        }

        bool isFloat = false;
        end = SkipDigits(end);
        if (end < _text.Length && _text[end] == '.')
        {
            isFloat = true;
            end = SkipDigits(end + 1);
        }

        if (end < _text.Length && _text[end] is 'e' or 'E')
        {
            isFloat = true;
            end++;
            if (end < _text.Length && _text[end] is '+' or '-')
                end++;
            if (!IsDigitAt(end))
            {
                Advance(end - start);
                return Error("exponent has no digits");
            }

            end = SkipDigits(end);
        }

        string digits = _text[start..end];
        Advance(end - start);
        return isFloat ? ParseFloat(digits) : ParseInt(digits);
    }

    private bool TryReadDuration(out Token token)
    {
        int end = _position;
        bool hasUnit = false;
        while (end < _text.Length)
        {
            char c = _text[end];
            bool isUnit = c is 'n' or 's' or 'u' or 'µ' or 'μ' or 'm' or 'h' or 'd' or 'w' or 'y';
            if (!isUnit && c != '.' && !char.IsAsciiDigit(c))
                break;
            hasUnit |= isUnit;
            end++;
        }

        token = default;
        if (!hasUnit || !GoDuration.TryParse(_text.AsSpan(_position, end - _position), out long nanoseconds))
            return false;
        Advance(end - _position);
        token = Literal(TraceQlValue.Duration(nanoseconds));
        return true;
    }

    private int SkipDigits(int index)
    {
        while (index < _text.Length && (char.IsAsciiDigit(_text[index]) || _text[index] == '_'))
            index++;
        return index;
    }

    private Token ParseInt(string digits)
    {
        if (digits[0] == '0' && digits.AsSpan().IndexOfAny('8', '9') is >= 0 and var invalid)
            return Error($"invalid digit '{digits[invalid]}' in octal literal");
        if (digits.Contains('_', StringComparison.Ordinal))
            return Error($"strconv.Atoi: parsing \"{digits}\": invalid syntax");
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? Literal(TraceQlValue.Int(value))
            : Error($"strconv.Atoi: parsing \"{digits}\": value out of range");
    }

    private Token ParseFloat(string digits)
    {
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!double.TryParse(digits, style, CultureInfo.InvariantCulture, out double value))
            return Error($"strconv.ParseFloat: parsing \"{digits}\": invalid syntax");
        return double.IsFinite(value)
            ? Literal(TraceQlValue.Float(value))
            : Error($"strconv.ParseFloat: parsing \"{digits}\": value out of range");
    }

    private Token ReadRawString()
    {
        int length = _text.AsSpan(_position + 1).IndexOf('`');
        if (length < 0)
        {
            Advance(_text.Length - _position);
            return Error(NotTerminated);
        }

        string content = _text.Substring(_position + 1, length);
        Advance(length + 2);
        return Literal(TraceQlValue.String(content.Replace("\r", "", StringComparison.Ordinal)));
    }

    private Token ReadQuotedString()
    {
        // Escapes may spell single bytes of a UTF-8 sequence, so the content is gathered as bytes.
        var bytes = new List<byte>();
        string? error = null;
        Advance(1);
        while (_position < _text.Length && _text[_position] is not ('"' or '\n'))
        {
            if (_text[_position] != '\\')
                AppendRune(bytes, TakeRune());
            else if (!TryTakeEscape(bytes))
                error = InvalidEscape;
        }

        if (_position == _text.Length || _text[_position] == '\n')
            return Error(NotTerminated);
        Advance(1);
        return error is null ? Literal(TraceQlValue.String(Encoding.UTF8.GetString(bytes.ToArray()))) : Error(error);
    }

    /// <summary>Takes <c>'x'</c>, which is a word that means nothing; more than one character is an error of Go's scanner.</summary>
    private Token ReadCharacter()
    {
        int start = _position;
        int runes = 0;
        Advance(1);
        while (_position < _text.Length && _text[_position] is not ('\'' or '\n'))
        {
            TakeRune();
            runes++;
        }

        if (_position == _text.Length || _text[_position] == '\n')
            return Error(NotTerminated);
        Advance(1);
        return runes == 1 ? Make(TokenKind.Identifier, _text[start.._position]) : Error("invalid char literal");
    }

    private bool TryTakeEscape(List<byte> bytes)
    {
        Advance(1);
        if (_position == _text.Length)
            return false;
        char kind = _text[_position];
        switch (kind)
        {
            case 'a' or 'b' or 'f' or 'n' or 'r' or 't' or 'v' or '\\' or '"':
                Advance(1);
                bytes.Add(ControlByte(kind));
                return true;
            case >= '0' and <= '7':
                return TryTakeDigits(3, 8, out int octal) && octal <= byte.MaxValue && Append(bytes, (byte)octal);
            case 'x':
                Advance(1);
                return TryTakeDigits(2, 16, out int hex) && Append(bytes, (byte)hex);
            case 'u' or 'U':
                Advance(1);
                return TryTakeDigits(kind == 'u' ? 4 : 8, 16, out int value) && Rune.IsValid(value) && AppendRune(bytes, new Rune(value));
            default:
                return false;
        }
    }

    private static byte ControlByte(char escape) => escape switch
    {
        'a' => 7,
        'b' => 8,
        't' => 9,
        'n' => 10,
        'v' => 11,
        'f' => 12,
        'r' => 13,
        _ => (byte)escape,
    };

    private bool TryTakeDigits(int count, int numberBase, out int value)
    {
        value = 0;
        for (int i = 0; i < count; i++)
        {
            if (_position == _text.Length || !char.IsAsciiHexDigit(_text[_position]))
                return false;
            int digit = HexDigit(_text[_position]);
            if (digit >= numberBase)
                return false;
            // Once past the last rune it stays there, or eight digits could pass 2^31.
            value = value > LastRune ? value : value * numberBase + digit;
            Advance(1);
        }

        return true;
    }

    private static int HexDigit(char digit) => char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private Rune TakeRune()
    {
        Rune rune = Peek();
        Advance(rune.Utf16SequenceLength);
        return rune;
    }

    private static bool Append(List<byte> bytes, byte value)
    {
        bytes.Add(value);
        return true;
    }

    private static bool AppendRune(List<byte> bytes, Rune rune)
    {
        Span<byte> utf8 = stackalloc byte[4];
        bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
        return true;
    }
}
