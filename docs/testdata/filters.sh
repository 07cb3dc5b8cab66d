for _ in 1 2 3 4 5 6; do
  echo "$(date '+%b %e %H:%M:%S') gate shop[9]: login ok for bob from 203.0.113.9"
  echo "$(date '+%b %e %H:%M:%S') gate shop[9]: login failed for bob from 203.0.113.9"
done >/var/log/shop.log
protected
